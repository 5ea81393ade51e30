"""Markdown to HTML that needs no inline style or script. Knows nothing of Django, and loads markdown-it when called."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

NOT_IN_IDS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Heading:
    """A heading below the page's title."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """A page: its title, what stands below it, and its plain words."""

    title: str
    html: str
    headings: tuple[Heading, ...]
    words: str


def rendered(text: str, link: Callable[[str], str | None]) -> Rendered:
    """`link` turns the targets of links and pictures, as they are written, into addresses; without one a link's words
    stay, unlinked.

    HTML within the text is shown, not used.
    """
    markdown = _parser()
    tokens = markdown.parse(text)
    headings = _with_anchors(tokens)
    for token in tokens:
        if token.children:
            token.children = list(_linked(token.children, link))
    title = headings[0].text if headings else ""
    html = str(markdown.renderer.render(tokens, markdown.options, {}))
    words = " ".join(token.content for token in tokens if token.type in ("inline", "fence", "code_block"))
    return Rendered(title, html, tuple(headings[1:]), words)


def _linked(children: Sequence["Token"], link: Callable[[str], str | None]) -> Iterator["Token"]:
    is_unlinked = False
    for child in children:
        if child.type == "link_open":
            address = link(str(child.attrs["href"]))
            is_unlinked = address is None
            child.attrs["href"] = address or ""
        elif child.type == "image":
            child.attrs["src"] = link(str(child.attrs["src"])) or ""
        if not (is_unlinked and child.type in ("link_open", "link_close")):
            yield child


def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only the build needs it

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    parser.add_render_rule("fence", _fence)
    return parser


def _table_open(self: Any, tokens: Sequence["Token"], at: int, options: Any, env: Any) -> str:
    return '<div class="table" tabindex="0" role="region" aria-label="Table"><table>'


def _table_close(self: Any, tokens: Sequence["Token"], at: int, options: Any, env: Any) -> str:
    return "</table></div>"


def _fence(self: Any, tokens: Sequence["Token"], at: int, options: Any, env: Any) -> str:
    """A block of code that the keyboard can scroll. Its language alone is told: what tests want to know stays there."""
    from markdown_it.common.utils import escapeHtml  # noqa: PLC0415 - as above

    token = tokens[at]
    language = escapeHtml(token.info.split(maxsplit=1)[0]) if token.info.strip() else "text"
    return f'<pre tabindex="0" data-language="{language}"><code>{escapeHtml(token.content)}</code></pre>\n'


def _with_anchors(tokens: Sequence["Token"]) -> list[Heading]:
    """Give every heading an id as code hosts do, so that links between pages work in both places."""
    found: list[Heading] = []
    taken: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))
        anchor = NOT_IN_IDS.sub("", text.lower()).replace(" ", "-")
        taken[anchor] = taken.get(anchor, -1) + 1
        anchor = f"{anchor}-{taken[anchor]}" if taken[anchor] else anchor
        token.attrs["id"] = anchor
        found.append(Heading(int(token.tag[1:]), anchor, text))
    return found
