"""Where web processes keep their counts: directories of servers, places of processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from media_api.metrics.processes import PREFIX, Places
from tests.journeys.stack import PROJECT


def test_a_process_that_replaces_another_one_gets_its_place(tmp_path: Path) -> None:
    places = Places(tmp_path)
    for worker in ("a", "b", "c"):
        places.reserve(worker)

    places.free("b")
    places.reserve("d")
    places.take("d")

    assert places.mine() == "1"
    places.reserve("e")
    places.take("e")
    assert places.mine() == "3"


def test_the_directory_is_the_users_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    places = Places(tmp_path)
    assert places.directory.stat().st_mode & 0o077 == 0

    places.remove()

    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_dead_servers_are_swept_and_living_ones_are_not(tmp_path: Path) -> None:
    crashes = (
        "import os, pathlib; from media_api.metrics.processes import Places; Places(pathlib.Path({!r})); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", crashes.format(str(tmp_path))], cwd=PROJECT, check=False)
    leftover = next(tmp_path.iterdir())
    living = Places(tmp_path)
    (tmp_path / f"{PREFIX}a-file").touch()
    (tmp_path / f"{PREFIX}a-link").symlink_to(living.directory)

    another = Places(tmp_path)

    assert not leftover.exists()
    assert living.directory.is_dir()
    assert another.directory.is_dir()
    assert living.directory != another.directory


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's directory")
def test_other_users_directories_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)

    Places(tmp_path)

    assert theirs.is_dir()


def test_what_the_rehearsal_counted_is_forgotten(tmp_path: Path) -> None:
    places = Places(tmp_path)
    (places.directory / "counter_master.db").touch()
    (places.directory / "counter_0.db").touch()

    places.forget_rehearsal()

    assert [path.name for path in places.directory.iterdir()] == ["counter_0.db"]
