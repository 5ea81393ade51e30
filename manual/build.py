"""Writes the manual: a file of HTML for each page, and an index of them all. Done again when docs/ changed."""

import hashlib
import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from manual import contents, links
from manual.rendering import rendered

INDEX = "index.json"
OWN_SOURCES = sorted(Path(__file__).parent.glob("*.py"))


def build(project: Path, target: Path) -> bool:
    """Write all pages below `target` unless they are up to date. Returns whether it wrote.

    Where the target cannot be written, in an image with a read-only root, what it was built with stays.
    """
    index = target / INDEX
    if index.is_file() and not os.access(target, os.W_OK):
        return False
    pages = contents.pages(project)
    state = _state(pages)
    if index.is_file() and json.loads(index.read_text(encoding="utf-8")).get("state") == state:
        return False
    _write(pages, contents.sections(project), target, state)
    return True


def _write(pages: list[contents.Source], sections: list[contents.Section], target: Path, state: str) -> None:
    slugs = {page.path.resolve(): page.slug for page in pages}
    told: dict[str, Any] = {}
    for page in pages:
        made = rendered(page.path.read_text(encoding="utf-8"), partial(links.resolved, page=page, slugs=slugs))
        file = target / f"{page.slug}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace(file, made.html)
        told[page.slug] = {"title": made.title, "headings": [asdict(one) for one in made.headings], "words": made.words}
    navigation = [{"title": one.title, "pages": [page.slug for page in one.pages]} for one in sections]
    _replace(target / INDEX, json.dumps({"state": state, "sections": navigation, "pages": told}))


def _replace(file: Path, text: str) -> None:
    """Whole or not at all: web processes may be reading."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def _state(pages: list[contents.Source]) -> str:
    """A digest of everything that the pages are made of."""
    digest = hashlib.sha256()
    for path in [*OWN_SOURCES, *(page.path for page in pages)]:
        digest.update(f"{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
