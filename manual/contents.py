"""Which pages the manual has, in which order: those named here that exist, and whatever else lies in docs/."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START = "README"
ELSEWHERE = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md", "reporting": "SECURITY.md"}
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("People", ("dashboard", "moving-in")),
    ("Programs", ("api", "downloads", "metadata", "playlists", "cookies", "webhooks", "api-policy")),
    ("Operators", ("deployment", "settings", "operations", "admin", "storage", "scaling", "security", "benchmark")),
    ("Contributors", ("contributing", "architecture", "reporting", "changelog", "licences")),
)
DECISIONS = "Decisions"
OTHERS = "More"


@dataclass(frozen=True)
class Source:
    """One page: where it is written, and what its address ends with."""

    slug: str
    path: Path


@dataclass(frozen=True)
class Section:
    """Pages for one kind of reader."""

    title: str
    pages: tuple[Source, ...]


def sections(project: Path) -> list[Section]:
    """The navigation. Sections without a page are left out; the start page is in none."""
    found = {source.slug: source for source in _sources(project)}
    found.pop(START, None)
    named = {slug for _, slugs in SECTIONS for slug in slugs}
    told = [(title, [found[slug] for slug in slugs if slug in found]) for title, slugs in SECTIONS]
    told.append((DECISIONS, [source for slug, source in found.items() if slug.startswith("decisions/")]))
    rest = [source for slug, source in found.items() if slug not in named and not slug.startswith("decisions/")]
    return [Section(title, tuple(pages)) for title, pages in [*told, (OTHERS, rest)] if pages]


def pages(project: Path) -> list[Source]:
    """All pages, the start page first."""
    start = [source for source in _sources(project) if source.slug == START]
    return [*start, *(source for section in sections(project) for source in section.pages)]


def _sources(project: Path) -> Iterator[Source]:
    docs = project / "docs"
    for path in sorted(docs.rglob("*.md")):
        yield Source(path.relative_to(docs).with_suffix("").as_posix(), path)
    for slug, name in ELSEWHERE.items():
        if (project / name).is_file():
            yield Source(slug, project / name)
