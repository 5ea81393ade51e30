import hashlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from jobs.engine import updates
from jobs.engine.updates import EngineRefused
from jobs.management import engine_choice
from tests.jobs.engines import BLIND, BROKEN, make_companion, make_engine

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[3]
NEWER, NEWEST, BLINDED = "2099.1.2", "2099.11.1", "2099.12.1"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip finds packages here: there is no index."""
    directory = tmp_path_factory.mktemp("shelf")
    make_companion(directory)
    make_engine(directory, NEWER)
    make_engine(directory, NEWEST)
    make_engine(directory, BLINDED, tail=BLIND)
    return directory


@pytest.fixture(scope="module")
def installed(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version, installed by its digest."""
    (wheel,) = shelf.glob(f"yt_dlp-{NEWER}-*")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with pytest.MonkeyPatch.context() as monkeypatch:
        only_from(shelf, monkeypatch)
        return updates.install(tmp_path_factory.mktemp("engine"), NEWER, sha256=digest)


def only_from(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def root(shelf: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    only_from(shelf, monkeypatch)
    settings.ENGINE_DIR = tmp_path / "engine"
    return tmp_path / "engine"


@pytest.fixture
def engine(root: Path, installed: Path) -> Path:
    """A version that was installed and chosen before."""
    shutil.copytree(installed, root / NEWER)
    updates.choose(root, NEWER)
    return root / NEWER


def update(*arguments: str) -> str:
    out = io.StringIO()
    call_command("update_engine", *arguments, stdout=out)
    return out.getvalue()


def chosen(root: Path) -> str:
    directory = updates.chosen(root)
    return directory.name if directory else ""


def test_a_version_is_installed_tried_out_chosen_and_left_again(root: Path, engine: Path) -> None:
    assert f"yt-dlp {NEWEST} is chosen" in update(NEWEST)
    assert (chosen(root), updates.installed(root)) == (NEWEST, [NEWER, NEWEST])
    assert (root / NEWEST / "yt_dlp_ejs").is_dir()
    assert f"* {NEWEST}\n" in update("--list")

    update("--rollback")
    assert chosen(root) == NEWER
    update("--rollback")
    assert chosen(root) == ""
    assert "* " in update("--list").splitlines()[0]


def test_what_does_not_download_is_never_chosen(root: Path, engine: Path) -> None:
    with pytest.raises(CommandError, match="it cannot download"):
        update(BLINDED)

    assert chosen(root) == NEWER


def test_what_says_that_it_is_another_version_is_refused(engine: Path) -> None:
    with (engine / "yt_dlp" / "version.py").open("a") as file:
        file.write("__version__ = '2030.1.1'\n")

    with pytest.raises(EngineRefused, match=r"it says that it is 2030\.1\.1 and 2099\.1\.2"):
        updates.load(engine)


def test_only_the_wheel_with_the_given_digest_is_taken(root: Path) -> None:
    with pytest.raises(EngineRefused, match="pip cannot install"):
        updates.install(root, NEWER, sha256="0" * 64)

    assert updates.installed(root) == []


@pytest.mark.parametrize("version", ["", "latest", "../2026.1.1", "2026.1.1 --index-url=http://evil", "2026.1.1\nevil"])
def test_what_is_no_version_is_not_looked_for(root: Path, version: str) -> None:
    with pytest.raises(EngineRefused, match="Give a version"):
        updates.install(root, version)


def test_a_version_that_is_not_to_be_had_changes_nothing(root: Path, engine: Path) -> None:
    with pytest.raises(CommandError, match="pip cannot install"):
        update("2098.1.1")

    assert chosen(root) == NEWER
    assert [path.name for path in root.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("link", ["../elsewhere", "/etc", "2099.9.9", ""])
def test_a_link_to_anything_else_chooses_nothing(root: Path, link: str) -> None:
    root.mkdir()
    if link:
        (root / "current").symlink_to(link)

    assert updates.chosen(root) is None


def test_no_secret_of_the_service_reaches_pip(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "planted-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://planted-secret")

    assert "planted-secret" not in str(updates._passed_on())
    assert "PIP_NO_INDEX" in updates._passed_on()


class Restarted(Exception):
    pass


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments that a program started anew with."""
    seen: list[dict[str, str]] = []

    def execv(program: str, arguments: Any) -> None:
        seen.append(dict(os.environ))
        raise Restarted

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    monkeypatch.delenv(engine_choice.ACTIVE, raising=False)
    monkeypatch.setenv(engine_choice.ACTIVE, "")
    return seen


def test_a_worker_starts_with_what_came_with_the_service(root: Path, restarts: list[dict[str, str]]) -> None:
    engine_choice.adopt()

    assert restarts == []


def test_a_worker_starts_anew_with_the_chosen_engine_once(engine: Path, restarts: list[dict[str, str]]) -> None:
    with pytest.raises(Restarted):
        engine_choice.adopt()
    engine_choice.adopt()

    assert [environment["PYTHONPATH"] for environment in restarts] == [f"{engine}:/theirs"]


def test_a_worker_goes_back_when_the_choice_was_taken_back(
    root: Path, engine: Path, restarts: list[dict[str, str]]
) -> None:
    with pytest.raises(Restarted):
        engine_choice.adopt()
    updates.roll_back(root)

    with pytest.raises(Restarted):
        engine_choice.adopt()

    assert restarts[-1]["PYTHONPATH"] == "/theirs"


@pytest.mark.parametrize("harm", ["emptied", "broken"])
def test_a_broken_engine_keeps_no_worker_from_starting(
    engine: Path, restarts: list[dict[str, str]], harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    if harm == "emptied":
        shutil.rmtree(engine / "yt_dlp")
    else:
        (engine / "yt_dlp" / "__init__.py").write_text(BROKEN)

    engine_choice.adopt()

    assert restarts == []
    assert "chosen engine is broken" in caplog.text


def test_the_chosen_engine_is_what_a_program_then_loads(root: Path, engine: Path) -> None:
    program = "import yt_dlp.version; print(yt_dlp.version.__version__)"

    told = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(updates.chosen(root))},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == NEWER
