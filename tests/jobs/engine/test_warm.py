"""What is prepared before the fork, and what a child makes of it."""

import re
import socket
import tempfile
from pathlib import Path

import pytest
from yt_dlp.downloader import FileDownloader

from jobs.engine import matching, warm
from jobs.engine.supervisor import run
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin import media
from tests.origin.server import Origin


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory where a child leaves the expressions that it has to compile, a line each."""
    from re import _compiler  # type: ignore[attr-defined]

    original = _compiler.compile

    def compile_and_tell(pattern: object, flags: int = 0) -> object:
        with Path("compiled").open("a") as lines:  # a child's working directory is its work directory
            print(repr(pattern), file=lines)
        return original(pattern, flags)

    monkeypatch.setattr(_compiler, "compile", compile_and_tell)
    return tmp_path


def test_a_child_finds_nearly_every_expression_compiled(compiled: Path, origin: Origin) -> None:
    outcome = run(make_request(origin.url("/video.mp4"), compiled, allow=[origin.host]), Recorder())

    assert outcome.result is not None
    record = compiled / "compiled"  # absent when the tests before have had everything compiled
    assert len(record.read_text().splitlines() if record.exists() else []) < 10


def test_warming_connects_to_nothing_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    warm._rehearse(media.tools())

    assert not list(tmp_path.iterdir())


def test_a_rehearsal_that_fails_is_told_and_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a new yt-dlp")

    monkeypatch.setattr(matching.Downloader, "extract_info", fail)

    warm.warm(media.tools())

    assert "the rehearsal of a download failed" in caplog.text


def test_a_rehearsal_succeeds_with_the_installed_yt_dlp(caplog: pytest.LogCaptureFixture) -> None:
    warm._rehearse(media.tools())

    assert not caplog.records


def test_a_python_without_the_private_caches_is_warmed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(re, "_MAXCACHE")

    warm._widen_caches()

    assert not hasattr(re, "_MAXCACHE")


def test_versions_name_the_programs_at_work() -> None:
    versions = warm.versions(media.tools())

    assert set(versions) == {"yt_dlp", "ffmpeg", "python"}
    assert all(versions.values())


def test_a_slow_download_is_read_in_blocks_of_a_fortieth_of_a_second() -> None:
    warm._shorten_blocks()
    warm._shorten_blocks()

    assert FileDownloader.best_block_size(0.1, 100_000) == 50_000
    assert FileDownloader.best_block_size(0.004, 4 << 20) == 4 << 20
