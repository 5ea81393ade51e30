"""Every link between files of the project, in every document, leads to a file and a heading that exist."""

import re
from pathlib import Path

import pytest

from manual.rendering import rendered
from tests.deploy.documents import PROJECT

DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


def anchors(path: Path) -> set[str]:
    page = rendered(path.read_text(), lambda target: target)
    return set(re.findall(r'id="([^"]+)"', page.html))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_its_links_lead_somewhere(document: Path) -> None:
    dead = []
    for target in LINK.findall(CODE.sub("", document.read_text())):
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if ":" in name or name.startswith("/"):
            continue
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(target)

    assert dead == []
