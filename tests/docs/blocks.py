"""The blocks of code in a document, and how those of one language run as one program."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.documents import PROJECT

BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DOCUMENTS = tuple(
    str(path.relative_to(PROJECT)) for path in sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
)
SECONDS = 60
RUNNERS = {
    "sh": ("bash", "-euo", "pipefail", "program.sh"),
    "python": ("python3", "-W", "error", "program.py"),
    "js": ("node", "program.mjs"),
}


@dataclass(frozen=True)
class Block:
    """One fenced block. Its first line is its name: lines and places change more often."""

    document: str
    language: str
    code: str

    @property
    def first(self) -> str:
        return self.code.partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.document}: {self.first}"


def blocks(document: str) -> list[Block]:
    """Those of a document, whose path is relative to the project, from top to bottom."""
    text = (PROJECT / document).read_text()
    return [Block(document, language, code) for language, code in BLOCK.findall(text)]


def program(document: str, language: str) -> str:
    """All blocks of the language in docs/`document`, from top to bottom."""
    return joined(block for block in blocks(f"docs/{document}") if block.language == language)


def joined(some: Iterable[Block]) -> str:
    return "\n".join(block.code for block in some)


def replaced(code: str, known: Mapping[str, str]) -> str:
    """The code with what the documents make up, such as example.org, replaced by what is there; all must occur."""
    for made_up, real in known.items():
        assert made_up in code, f"{made_up} does not occur in:\n{code}"
        code = code.replace(made_up, real)
    return code


def run(directory: Path, language: str, code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The program's end, within SECONDS. It sees a PATH and the variables, and nothing else."""
    *command, name = RUNNERS[language]
    (directory / name).write_text(code)
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **variables}
    return subprocess.run(
        [*command, name], cwd=directory, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
