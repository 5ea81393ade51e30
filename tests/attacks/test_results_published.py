"""What gets into the storage: plain files of listed types, whatever a child or a site puts in their place."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from jobs import storage
from jobs.engine import supervisor
from jobs.engine.file_types import EXTENSIONS
from jobs.storage import local
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.usefixtures("warm_engine")

CONTENT = b"film"


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Path:
    path = Path(settings.WORK_DIR) / f"req_{request.node.name[:20]}" / "media.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


PUBLISHED: dict[str, Callable[[Path, Path], Any]] = {
    "a symlink": lambda path, victim: path.symlink_to(victim),
    "a symlink to nothing": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
    "a hard link": lambda path, victim: path.hardlink_to(victim),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a socket": lambda path, _: socket.socket(socket.AF_UNIX).bind(str(path)),
}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("kind", PUBLISHED)
def test_nothing_but_a_plain_file_is_published(kind: str, source: Path, tmp_path: Path) -> None:
    victim = Path(settings.WORK_DIR) / "victim"
    victim.write_bytes(CONTENT)
    victim.chmod(0o600)
    PUBLISHED[kind](source, victim)

    with pytest.raises(storage.NotPlain):
        storage.publish(source, f"attack/{kind}.mp4")

    assert victim.stat().st_mode & 0o777 == 0o600
    assert not (settings.FILES_DIR / f"attack/{kind}.mp4").exists()
    source.unlink()
    victim.unlink()


def test_a_directory_is_not_published(source: Path) -> None:
    source.mkdir()
    with pytest.raises(storage.NotPlain):
        storage.publish(source, "attack/directory.mp4")
    source.rmdir()


def test_what_was_looked_at_is_published_whatever_takes_its_place(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = source.with_name("victim")
    victim.write_bytes(b"secret")
    source.write_bytes(CONTENT)
    link = local._link

    def swapped(file: Any, target: Path, beat: Any) -> None:
        source.rename(source.with_name("aside"))
        source.symlink_to(victim)
        link(file, target, beat)

    monkeypatch.setattr(local, "_link", swapped)
    name = storage.publish(source, "attack/swapped.mp4")

    with storage.open_result(name) as file:
        assert file.read() == CONTENT
    storage.delete_result(name)


# --- what sites want stored ---

PROGRAMS = ("exe", "html", "php", "sh", "svg", "url", "desktop", "webloc", "js", "zip", "tar.gz", "swf", "m3u8", "iso")


@pytest.mark.slow
@pytest.mark.parametrize("extension", PROGRAMS)
def test_no_file_gets_an_extension_that_is_not_listed(extension: str, origin: Origin, work_dir: Path) -> None:
    film = (media.directory() / "video.mp4").read_bytes()
    origin.pages[f"/a.{extension}"] = ("video/mp4", film)
    page = f'<html><title>x</title><video src="{origin.url(f"a.{extension}")}" type="video/mp4"></video></html>'
    origin.pages["/page"] = ("text/html", page.encode())

    for path in ("page", f"a.{extension}"):
        outcome = supervisor.run(make_request(origin.url(path), work_dir, allow=[origin.host]), Recorder())
        files = outcome.result.files if outcome.result else ()
        assert {file.path.suffix[1:] for file in files} <= EXTENSIONS, outcome


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zip", "tar", "gz", "7z"])
def test_an_archive_that_poses_as_a_film_is_neither_stored_nor_unpacked(
    name: str, origin: Origin, work_dir: Path, tmp_path: Path
) -> None:
    starts = {
        "zip": b"PK\x03\x04",
        "tar": b"film.mp4" + bytes(249) + b"ustar",
        "gz": b"\x1f\x8b\x08",
        "7z": b"7z\xbc\xaf'\x1c",
    }
    origin.pages["/a.mp4"] = ("video/mp4", starts[name] + bytes(4096))

    outcome = supervisor.run(make_request(origin.url("a.mp4"), work_dir, allow=[origin.host]), Recorder())

    assert outcome.failure is not None
    assert not [path for path in work_dir.rglob("*") if path.name.startswith("film")]
