import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from pytest_django import Settings

from jobs import storage


def test_publish_moves_the_file_below_the_root(finished: Path) -> None:
    name = storage.publish(finished, "videos/moved.mp4")

    assert not finished.exists()
    with storage.open_result(name) as file:
        assert file.read() == b"bytes of a video"


def test_publish_never_overwrites(finished: Path) -> None:
    first = storage.publish(finished, "videos/same.mp4")
    finished.write_bytes(b"another")

    second = storage.publish(finished, "videos/same.mp4")

    assert second != first
    with storage.open_result(first) as file:
        assert file.read() == b"bytes of a video"


def test_many_publishers_of_one_name_each_keep_their_own_bytes(tmp_path: Path) -> None:
    def publish(number: int) -> tuple[int, str]:
        source = Path(settings.WORK_DIR) / f"{tmp_path.name}-{number}"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(str(number), encoding="ascii")
        return number, storage.publish(source, f"{tmp_path.name}/crowded.mp4")

    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(publish, range(24)))

    assert len({name for _, name in published}) == 24
    for number, name in published:
        with storage.open_result(name) as file:
            assert file.read() == str(number).encode()


def test_publish_refuses_a_name_outside_the_root(finished: Path) -> None:
    with pytest.raises(SuspiciousFileOperation):
        storage.publish(finished, "../outside.mp4")

    assert finished.exists()


def test_delete_removes_the_directories_that_it_leaves_empty(finished: Path) -> None:
    name = storage.publish(finished, "deep/er/file.mp4")

    storage.delete_result(name)
    storage.delete_result(name)

    assert not (settings.FILES_DIR / "deep").exists()
    assert settings.FILES_DIR.exists()


def test_a_work_directory_is_closed_to_others() -> None:
    path = storage.make_work_directory("req_private")

    assert path.stat().st_mode & 0o077 == 0
    storage.discard(storage.set_aside("req_private"))
    assert not path.exists()


def test_publishing_survives_directories_that_vanish_beside_it(tmp_path: Path) -> None:
    def publish_and_delete(number: int) -> None:
        source = Path(settings.WORK_DIR) / f"{tmp_path.name}-vanish-{number}"
        source.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(50):
            source.write_text("bytes", encoding="ascii")
            storage.delete_result(storage.publish(source, f"{tmp_path.name}/deep/{number}.mp4"))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(publish_and_delete, range(4))) == [None] * 4


def test_publishing_a_file_that_is_gone_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        storage.publish(tmp_path / "missing.mp4", "videos/missing.mp4")


def test_where_no_links_can_be_made_files_are_copied_whole(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr("jobs.storage.local.os.link", refuse)
    first = storage.publish(finished, "copied/same.mp4")
    finished.write_bytes(b"another")
    second = storage.publish(finished, "copied/same.mp4")

    assert first != second
    with storage.open_result(first) as one, storage.open_result(second) as other:
        assert (one.read(), other.read()) == (b"bytes of a video", b"another")
    directory = settings.FILES_DIR / "copied"
    assert {f"copied/{path.name}" for path in directory.iterdir()} == {first, second}
    assert not finished.exists()


def test_a_copy_that_is_interrupted_leaves_neither_a_half_file_nor_the_name(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    def stop() -> None:
        raise storage.Interrupted("cancelled")

    monkeypatch.setattr("jobs.storage.local.os.link", refuse)
    with pytest.raises(storage.Interrupted):
        storage.publish(finished, "halved/same.mp4", beat=stop)

    assert list((settings.FILES_DIR / "halved").iterdir()) == []
    assert finished.exists()


def test_a_probe_leaves_nothing_and_a_directory_that_cannot_be_used_is_told(tmp_path: Path, settings: Settings) -> None:
    storage.probe()
    storage.check_access()
    assert not list(settings.FILES_DIR.glob(".probe-*"))

    (tmp_path / "file").write_text("no directory")
    options = {"location": tmp_path / "file" / "results", "base_url": None}
    default = {**settings.STORAGES["default"], "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    for look in (storage.probe, storage.check_access):
        with pytest.raises(OSError, match=r"."):
            look()
