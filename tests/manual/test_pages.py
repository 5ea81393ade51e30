"""The manual as it is built from docs/, and served."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from manual import contents
from manual.build import build
from manual.reading import Manual
from tests.deploy.documents import PROJECT

pytestmark = pytest.mark.django_db
LOADED = "import sys; from manual import views; print([name for name in sys.modules if name.startswith('markdown_it')])"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("manual")
    build(PROJECT, target)
    return target


@pytest.fixture(autouse=True)
def built(settings: Settings, root: Path) -> None:
    settings.MANUAL_ROOT = root


def test_every_page_is_served_under_the_strict_policy(client: Client) -> None:
    for page in contents.pages(PROJECT):
        response = client.get(f"/help/{'' if page.slug == contents.START else page.slug}")

        assert response.status_code == 200, page.slug
        html = response.content.decode()
        assert "unsafe" not in response["Content-Security-Policy"]
        assert not re.search(r"<style|<[^>]+ (style|on[a-z]+)=|<script(?![^>]+src=)", html), page.slug
        assert not re.search(r'(src|href)="(https?:)?//(?!)', html), page.slug


def test_every_link_within_the_manual_leads_somewhere(root: Path) -> None:
    index = json.loads((root / "index.json").read_text())["pages"]
    anchors = {slug: {one["anchor"] for one in told["headings"]} for slug, told in index.items()}
    dead = []
    for slug in index:
        for target in re.findall(r'href="(/help/[^"]*|#[^"]*)"', (root / f"{slug}.html").read_text()):
            path, _, anchor = target.partition("#")
            to = path.removeprefix("/help/") or (contents.START if path else slug)
            if to not in index or (anchor and anchor not in anchors[to]):
                dead.append((slug, target))

    assert dead == []


def test_the_pictures_of_pages_are_served(root: Path) -> None:
    shown = re.findall(r'<img src="/static/([^"]+)" alt="[^"]+"', (root / "dashboard.html").read_text())

    assert shown
    assert [picture for picture in shown if not finders.find(picture)] == []


def test_the_navigation_has_every_page_once(root: Path) -> None:
    listed = [link.address for _, links in Manual.at(root).navigation() for link in links]

    assert sorted(listed) == sorted(f"/help/{page.slug}" for page in contents.pages(PROJECT) if page.slug != "README")
    assert all(link.title for _, links in Manual.at(root).navigation() for link in links)


def test_a_search_finds_pages_by_all_their_words(client: Client) -> None:
    html = client.get("/help/", {"q": "webhook-id attempts"}).content.decode()
    nothing = client.get("/help/", {"q": "<b>nowhere</b>"}).content.decode()

    assert re.search(r'class="manual-found".*href="/help/webhooks"', html, re.DOTALL)
    assert "No page holds all of these words" in nothing
    assert "<b>nowhere" not in nothing


@pytest.mark.parametrize("slug", ["nowhere", "../secrets", "index", "decisions", "index.json"])
def test_what_is_no_page_is_not_found(client: Client, slug: str) -> None:
    assert client.get(f"/help/{slug}").status_code == 404


def test_disable_docs_hides_it(client: Client, settings: Settings) -> None:
    settings.DISABLE_DOCS = True

    assert client.get("/help/").status_code == 404


def test_nothing_is_written_again_while_the_documentation_is_as_it_was(root: Path) -> None:
    assert build(PROJECT, root) is False


def test_a_page_that_is_gone_or_new_changes_the_manual(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "README.md").write_text("# Start\n")
    assert build(tmp_path, tmp_path / "made") is True

    (docs / "surprise.md").write_text("# Surprise\n\nSee [start](README.md).\n")
    assert build(tmp_path, tmp_path / "made") is True

    assert [(title, links[0].title) for title, links in Manual.at(tmp_path / "made").navigation()] == [
        ("More", "Surprise")
    ]


@pytest.mark.slow
def test_the_web_server_does_not_load_what_only_the_build_needs() -> None:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOADED]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
