"""The operators' commands of the documentation, each as it stands, on rows of a test."""

import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import User
from jobs.states import State
from tests.docs.blocks import Block, blocks, replaced
from tests.factories import make_job, make_key, make_user

MADE_UP_JOB = "req_5f2c9a1e0b7d4c38"
# By document and first line: what stands for what the document makes up.
COMMANDS = {
    ("docs/admin.md", "manage.py doctor"): lambda owner: {
        MADE_UP_JOB: make_job(owner).public_id,
        "alice": make_user(username="alice").username,
        "mdl_Ab12Cd34": make_key(owner)[0].prefix,
    },
    ("docs/moving-in.md", "manage.py import"): lambda owner: {"admin": owner.username},
    ("docs/storage.md", "manage.py storage"): lambda owner: {},
}


def is_run(block: Block) -> bool:
    return any(block.document == document and block.first.startswith(first) for document, first in COMMANDS)


@pytest.fixture
def directory(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are given, with the files that they name."""
    settings.STORAGE_DIR = tmp_path / "data"
    settings.WORK_DIR = settings.STORAGE_DIR / "work"  # its own: others leave work of theirs in the shared one
    monkeypatch.chdir(tmp_path)
    (tmp_path / "links.txt").write_text("https://media.example.org/watch/42\n")
    (tmp_path / "archive.txt").write_text("youtube a1B2c3D4e5F\n")
    return tmp_path


@pytest.mark.django_db
@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize("place", COMMANDS, ids=" ".join)
def test_the_commands_of_a_page_work(place: tuple[str, str], owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    make_job(owner, State.COMPLETED)
    [block] = [one for one in blocks(place[0]) if one.first.startswith(place[1])]
    lines = replaced(block.code, COMMANDS[place](owner)).splitlines()

    commands = [shlex.split(line, comments=True) for line in lines if line]

    assert len(commands) >= 3
    for program, *words in commands:
        assert program == "manage.py"
        if words == ["doctor"]:
            with suppress(SystemExit):  # "ends with 1 on an error": no worker runs here
                call_command(*words)
        else:
            call_command(*words)
        assert capsys.readouterr().out
