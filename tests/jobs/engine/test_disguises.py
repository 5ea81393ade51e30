"""Files that pose as media, pictures or subtitles, and are lists of what ffmpeg should read on this machine instead."""

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import supervisor, verification
from jobs.engine.contract import FailureCode, FileRole, Outcome
from jobs.engine.verification import VerificationError
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


def dash(victim: Path) -> bytes:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static"
 mediaPresentationDuration="PT4S" minBufferTime="PT1S"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1000" codecs="avc1.42c01e" width="320" height="180">
<BaseURL>file://{victim}</BaseURL></Representation></AdaptationSet></Period></MPD>""".encode()


def hls(victim: Path) -> bytes:
    segment = f"#EXTINF:4,\nfile://{victim}\n#EXT-X-ENDLIST\n"
    return f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n{segment}".encode()


def concat(victim: Path) -> bytes:
    return f"ffconcat version 1.0\nfile '{victim}'\n".encode()


DISGUISES = pytest.mark.parametrize("disguise", [dash, hls, concat])
Disguise = Callable[[Path], bytes]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A film of somebody else's."""
    path = tmp_path / "victim.mp4"
    path.write_bytes((media.directory() / "video.mp4").read_bytes())
    return path


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def run(origin: Origin, work_dir: Path, path: str, **wanted: Any) -> Outcome:
    return supervisor.run(make_request(origin.url(path), work_dir, allow=[origin.host], **wanted), Recorder())


def holds_any_of(victim: Path, directory: Path) -> bool:
    """Whether a file has frames of the victim's: copying streams leaves their bytes as they are."""
    samples = _samples(victim)
    return any(sample in path.read_bytes() for path in directory.iterdir() for sample in samples)


@functools.cache
def _samples(victim: Path) -> list[bytes]:
    content = victim.read_bytes()
    return [content[start : start + 32] for start in range(10_000, len(content) - 32, 500)]


@DISGUISES
@pytest.mark.parametrize(
    "wanted",
    [
        {"video_format": "mkv", "embed_metadata": False},
        {"video_format": "mp4"},
        {"audio_only": True, "audio_format": "m4a"},
        {"audio_only": True, "audio_format": "mp3"},
        {"embed_metadata": False},
    ],
)
def test_a_film_that_is_a_list_reads_nothing_here(
    wanted: dict[str, Any], disguise: Disguise, victim: Path, origin: Origin, work_dir: Path
) -> None:
    origin.pages["/a.mp4"] = ("video/mp4", disguise(victim))

    outcome = run(origin, work_dir, "a.mp4", **wanted)

    assert outcome.failure is not None, outcome
    assert not holds_any_of(victim, work_dir)
    assert outcome.failure.code in (FailureCode.POST_PROCESSING, FailureCode.FORMAT_UNAVAILABLE)


@DISGUISES
@pytest.mark.parametrize("extension", ["jpg", "webp", "gif"])
def test_a_thumbnail_that_is_a_list_is_dropped(
    extension: str, disguise: Disguise, victim: Path, origin: Origin, work_dir: Path
) -> None:
    page = PAGE.replace("{host}", origin.host).replace("{extension}", extension)
    origin.pages |= {
        f"/thumbnail.{extension}": (f"image/{extension}", disguise(victim)),
        "/film.html": ("text/html", page.encode()),
    }

    outcome = run(origin, work_dir, "film.html", write_thumbnail=True, embed_thumbnail=True)

    assert outcome.result is not None, outcome
    assert origin.received(f"/thumbnail.{extension}")
    assert [file.role for file in outcome.result.files] == [FileRole.MEDIA]


PAGE = """<html><head><title>A film</title></head><body><video poster="http://{host}/thumbnail.{extension}">
<source src="http://{host}/video.mp4" type="video/mp4"></video></body></html>
"""


@DISGUISES
def test_subtitles_that_are_a_list_are_not_converted(
    disguise: Disguise, victim: Path, origin: Origin, work_dir: Path
) -> None:
    subtitled = victim.with_name("subtitled.mp4")
    subtitles = ("-i", media.directory() / "subtitles.de.vtt", "-c", "copy", "-c:s", "mov_text")
    subprocess.run([media.tools().ffmpeg, "-v", "error", "-i", victim, *subtitles, subtitled], check=True)
    origin.pages["/subtitles.en.vtt"] = ("text/vtt", disguise(subtitled))

    run(origin, work_dir, "page.html", download_subtitles=True, embed_subtitles=True, subtitle_format="srt")

    assert origin.received("/subtitles.en.vtt")
    secret = media.SUBTITLES["de"].encode()
    assert not any(secret in path.read_bytes() for path in work_dir.iterdir())


@DISGUISES
def test_verification_takes_no_list_for_a_film(disguise: Disguise, victim: Path, work_dir: Path) -> None:
    path = work_dir / "a.mp4"
    path.write_bytes(disguise(victim))

    with pytest.raises(VerificationError, match="no audio or video"):
        verification.inspect(path, FileRole.MEDIA, media.tools(), expected_duration=None)
