import pytest

from manual.contents import Source
from manual.links import resolved
from manual.rendering import rendered
from tests.deploy.documents import PROJECT

DOCS = PROJECT / "docs"


def shown(text: str) -> str:
    return rendered(text, lambda target: target).html


def test_headings_get_the_anchors_that_code_hosts_give_them() -> None:
    page = rendered("# Title\n\n## What is `made` of it?\n\n## Why\n\n## Why\n", lambda target: target)

    assert page.title == "Title"
    assert [heading.anchor for heading in page.headings] == ["what-is-made-of-it", "why", "why-1"]
    assert '<h2 id="what-is-made-of-it">' in page.html


def test_tables_and_code_can_be_scrolled_and_code_shows_its_language_alone() -> None:
    html = shown("| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh expect=202\necho '<b>'\n```\n")

    assert '<div class="table" tabindex="0"' in html
    assert "<td>1</td>" in html
    assert '<pre tabindex="0" data-language="sh"><code>echo \'&lt;b&gt;\'' in html
    assert "expect" not in html


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "[x](javascript:alert(1))", "a <b onclick=1> c"],
)
def test_html_and_scripts_in_the_text_are_shown_and_do_nothing(hostile: str) -> None:
    html = shown(hostile)

    assert "<script" not in html
    assert "<img" not in html
    assert "<b" not in html
    assert 'href="javascript' not in html


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("webhooks.md", "/help/webhooks"),
        ("webhooks.md#events", "/help/webhooks#events"),
        ("README.md", "/help/"),
        ("#here", "#here"),
        ("https://example.org/x.md", "https://example.org/x.md"),
    ],
)
def test_links_between_pages_lead_to_their_addresses(target: str, address: str) -> None:
    slugs = {DOCS / "webhooks.md": "webhooks", DOCS / "README.md": "README"}

    assert resolved(target, Source("api", DOCS / "api.md"), slugs) == address


def test_a_file_that_is_no_page_is_named_and_not_linked() -> None:
    assert resolved("../manage.py", Source("api", DOCS / "api.md"), {}) is None
    assert rendered("See [the `command`](../manage.py).", lambda _: None).html == (
        "<p>See the <code>command</code>.</p>\n"
    )
