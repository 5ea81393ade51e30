"""Which renditions, containers and codecs come of the options."""

import subprocess
from typing import Any

import pytest

from jobs.engine.contract import FileRole
from tests.jobs.engine.conftest import Download
from tests.jobs.engine.looking import sound_ends
from tests.jobs.engine.test_clips import KEY_FRAME_SECONDS
from tests.origin import media
from tests.origin.media import LONG_SECONDS
from tests.origin.pages import CHAPTERS
from tests.origin.server import Origin

pytestmark = pytest.mark.slow

HEIGHTS = {"best": 1080, "4k": 1080, "1440p": 1080, "1080p": 1080, "720p": 720, "480p": 480, "360p": 360}


@pytest.mark.parametrize("manifest", ["master.m3u8", "manifest.mpd"])
@pytest.mark.parametrize("quality", HEIGHTS)
def test_a_preset_picks_its_height_from_a_ladder(quality: str, manifest: str, download: Download) -> None:
    done = download(f"ladder/{manifest}", quality=quality)

    assert done.media.height == HEIGHTS[quality]
    assert done.media.streams == [("video", "h264"), ("audio", "aac")]


@pytest.mark.parametrize("manifest", ["master.m3u8", "manifest.mpd"])
@pytest.mark.parametrize("wanted", [{"quality": "audio"}, {"audio_only": True, "quality": "720p"}])
def test_sound_alone_is_taken_out_of_a_ladder(wanted: dict[str, Any], manifest: str, download: Download) -> None:
    done = download(f"ladder/{manifest}", **wanted)

    assert done.media.streams == [("audio", "mp3")]


@pytest.mark.parametrize(
    ("source", "video_format", "container"),
    [
        ("video.mp4", "mp4", "mov,mp4"),
        ("video.webm", "mkv", "matroska"),
        ("video.webm", "webm", "matroska"),
        ("video.mkv", "mov", "mov,mp4"),
        ("video.mkv", "avi", "avi"),
        ("ladder/manifest.mpd", "avi", "avi"),
        ("video.mkv", "flv", "flv"),
        ("ladder/manifest.mpd", "mkv", "matroska"),
    ],
)
def test_the_result_is_in_the_wanted_container(
    source: str, video_format: str, container: str, download: Download
) -> None:
    done = download(source, video_format=video_format, quality="360p")

    assert done.files[0].path.suffix == f".{video_format}"
    assert done.media.container.startswith(container)


@pytest.mark.parametrize("video_format", ["mp4", "mkv", "mov", "avi", "flv"])
def test_sound_keeps_its_times_and_the_title_is_embedded(video_format: str, download: Download) -> None:
    done = download("chapters.html", video_format=video_format, split_chapters=True)

    assert sound_ends(done.files[0].path) == pytest.approx(LONG_SECONDS, abs=0.2)
    assert {name.lower(): value for name, value in done.media.tags.items()}["title"] == "A long film"
    for file, (_, start, end) in zip(done.of(FileRole.CHAPTER), CHAPTERS, strict=True):
        assert sound_ends(file.path) == pytest.approx(end - start, abs=KEY_FRAME_SECONDS)


def test_a_title_is_not_worth_the_sound_of_an_avi(download: Download, origin: Origin) -> None:
    copied = ["-i", media.directory() / "long.mp4", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "avi", "-"]
    command = [media.tools().ffmpeg, "-v", "error", "-nostdin", *copied]
    origin.pages["/long.avi"] = ("video/x-msvideo", subprocess.run(command, capture_output=True, check=True).stdout)

    done = download("long.avi", video_format="avi")

    assert sound_ends(done.files[0].path) == pytest.approx(LONG_SECONDS, abs=0.2)
    assert done.warned("title, author and date are not embedded")


QUALITIES = ("96", "128", "192", "256", "320", "best")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("audio_format", "codec", "suffix"),
    [
        ("mp3", "mp3", ".mp3"),
        ("m4a", "aac", ".m4a"),
        ("aac", "aac", ".m4a"),
        ("opus", "opus", ".opus"),
        ("vorbis", "vorbis", ".ogg"),
        ("flac", "flac", ".flac"),
        ("wav", "pcm_s16le", ".wav"),
    ],
)
def test_every_audio_quality_is_kept_to(audio_format: str, codec: str, suffix: str, download: Download) -> None:
    kbits = {}

    for quality in QUALITIES:
        done = download("noise.flac", audio_only=True, audio_format=audio_format, audio_quality=quality)
        assert done.media.streams == [("audio", codec)]
        assert done.files[0].path.suffix == suffix
        kbits[quality] = done.files[0].size_bytes * 8 / 1000 / done.media.duration
        for file in done.directory.iterdir():
            file.unlink()

    if audio_format in ("flac", "wav"):
        assert min(kbits.values()) > 400
        return
    assert [kbits[quality] for quality in QUALITIES[:4]] == sorted(kbits[quality] for quality in QUALITIES[:4])
    for quality in ("96", "128", "192"):
        assert kbits[quality] == pytest.approx(
            float(quality), rel=0.4
        )  # variable rates, of a noise that is the same left and right
    assert kbits["best"] > 130
