"""The README's pictures: there, small, and none that it does not show. `make pictures` takes them anew."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MOST_BYTES = 150_000
SHOWN = re.compile(r"!\[[^\]]+\]\((docs/pictures/[^)]+)\)")


def test_the_readme_shows_every_picture_and_none_is_heavy() -> None:
    kept = {path.relative_to(PROJECT).as_posix(): path.stat().st_size for path in PROJECT.glob("docs/pictures/*")}

    assert sorted(SHOWN.findall((PROJECT / "README.md").read_text())) == sorted(kept)
    assert kept
    assert {name: size for name, size in kept.items() if size > MOST_BYTES} == {}
