"""The README's and the manual's pictures: there, small, each of them shown. `make pictures` takes them anew."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MOST_BYTES = 150_000
SHOWN = re.compile(r"!\[[^\]]+\]\((?:docs/)?(pictures/[^)]+)\)")
PAGES = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]


def test_every_picture_is_shown_and_none_is_heavy() -> None:
    kept = {f"pictures/{path.name}": path.stat().st_size for path in PROJECT.glob("docs/pictures/*")}

    assert {shown for page in PAGES for shown in SHOWN.findall(page.read_text())} == set(kept)
    assert kept
    assert {name: size for name, size in kept.items() if size > MOST_BYTES} == {}
