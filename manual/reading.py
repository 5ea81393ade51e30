"""Reads what the build wrote. Nothing is kept in memory between requests: these pages are opened now and then."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manual.build import INDEX
from manual.links import address_of

EXCERPT = 80  # characters on each side of what was found
MOST_FOUND = 30


class NotBuilt(Exception):
    """There is no manual: static files were not collected yet."""


@dataclass(frozen=True)
class Link:
    """A page as the navigation and a search show it."""

    title: str
    address: str
    excerpt: str = ""


@dataclass(frozen=True)
class Manual:
    """The index of the pages that were built."""

    root: Path
    index: dict[str, Any]

    @classmethod
    def at(cls, root: Path) -> "Manual":
        """Raises NotBuilt."""
        try:
            return cls(root, json.loads((root / INDEX).read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise NotBuilt from error

    def page(self, slug: str) -> dict[str, Any]:
        """Title, headings and HTML of a page. Raises KeyError: only what the index names is ever opened."""
        told = self.index["pages"][slug]
        return {**told, "html": (self.root / f"{slug}.html").read_text(encoding="utf-8")}

    def navigation(self) -> list[tuple[str, list[Link]]]:
        return [(one["title"], [self._link(slug) for slug in one["pages"]]) for one in self.index["sections"]]

    def search(self, text: str) -> list[Link]:
        """Pages that hold every word, those with the words in their title first."""
        words = text.lower().split()
        if not words:
            return []
        hits = [
            (not all(word in told["title"].lower() for word in words), slug)
            for slug, told in self.index["pages"].items()
            if all(word in f"{told['title']} {told['words']}".lower() for word in words)
        ]
        return [self._link(slug, words[0]) for _, slug in sorted(hits)[:MOST_FOUND]]

    def _link(self, slug: str, word: str = "") -> Link:
        told = self.index["pages"][slug]
        return Link(told["title"], address_of(slug), _excerpt(told["words"], word) if word else "")


def _excerpt(words: str, word: str) -> str:
    at = words.lower().find(word)
    if at < 0:
        return ""
    start, end = max(at - EXCERPT, 0), at + len(word) + EXCERPT
    return f"{'…' if start else ''}{words[start:end].strip()}{'…' if end < len(words) else ''}"
