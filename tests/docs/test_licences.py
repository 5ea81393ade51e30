"""docs/licences.md names every package that the service runs on, with its version and its licence."""

import re

from tests.deploy.documents import PROJECT

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
ROW = re.compile(r"^\| ([\w.-]+) \| (\S+) \| (.+) \|$", re.MULTILINE)
PAGE = (PROJECT / "docs" / "licences.md").read_text()


def test_every_pinned_package_is_listed_with_its_version() -> None:
    pinned = PIN.findall((PROJECT / "requirements.txt").read_text())

    assert [(name, version) for name, version, _ in ROW.findall(PAGE)[1:]] == pinned, "run: make docs"


def test_no_licence_is_unknown_and_each_with_conditions_is_explained() -> None:
    licences = {name: licence for name, _, licence in ROW.findall(PAGE)}

    assert "unknown" not in licences.values()
    with_conditions = {name for name, licence in licences.items() if re.search("GPL|MPL", licence)}
    assert with_conditions == {"certifi", "imageio-ffmpeg", "mutagen", "psycopg", "psycopg-binary", "psycopg-pool"}
    assert all(f"**{name}**" in PAGE for name in ("mutagen", "ffmpeg", "psycopg", "certifi"))


def test_the_licence_at_the_end_is_the_projects() -> None:
    assert (PROJECT / "LICENSE").read_text() in PAGE
