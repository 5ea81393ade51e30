"""Where a link of a page leads: to another page of the manual, or elsewhere. Pure."""

from collections.abc import Mapping
from pathlib import Path

from manual.contents import START, Source

PICTURES = "/static/pictures/"  # docs/pictures, among the static files
EXTERNAL = ("https://", "http://", "mailto:", "#", "/")


def address_of(slug: str) -> str:
    return "/help/" if slug == START else f"/help/{slug}"


def resolved(target: str, page: Source, slugs: Mapping[Path, str]) -> str | None:
    """The address for a link as it is written; None for a file of the project, which the service does not serve."""
    if target.startswith(EXTERNAL):
        return target
    name, _, anchor = target.partition("#")
    path = (page.path.parent / name).resolve()
    if path.parent.name == "pictures":
        return f"{PICTURES}{path.name}"
    if path not in slugs:
        return None
    return address_of(slugs[path]) + (f"#{anchor}" if anchor else "")
