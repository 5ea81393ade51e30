"""Sections cut out of media, and chapters split off."""

from itertools import pairwise
from pathlib import Path

import pytest

from jobs.engine import supervisor
from jobs.engine.contract import FailureCode, FileRole, Stop
from tests.jobs.engine.attempts import Recorder, make_request
from tests.jobs.engine.conftest import Download, ForbiddenPort
from tests.jobs.engine.looking import look_at
from tests.jobs.engine.test_supervisor import finished_playlist
from tests.origin import media
from tests.origin.pages import CHAPTERS
from tests.origin.server import Origin

pytestmark = pytest.mark.slow

KEY_FRAME_SECONDS = 1.1  # how far key frames of the origin's films are apart, and a little


@pytest.mark.parametrize("path", ["long.mp4", "long/index.m3u8"])
@pytest.mark.parametrize(("start", "end", "lasts"), [(5.0, 9.5, 4.5), (None, 3.0, 3.0), (25.0, None, 5.0), (28, 99, 2)])
def test_a_section_lasts_as_long_as_asked(
    path: str, start: float | None, end: float | None, lasts: float, download: Download
) -> None:
    done = download(path, clip_start=start, clip_end=end)

    assert done.media.duration == pytest.approx(lasts, abs=KEY_FRAME_SECONDS)
    assert done.media.streams == [("video", "h264"), ("audio", "aac")]


@pytest.mark.parametrize("path", ["hls/master.m3u8", "dash/manifest.mpd"])
def test_a_section_of_picture_and_sound_apart_has_both(path: str, download: Download) -> None:
    done = download(path, clip_start=1.0, clip_end=3.0)

    assert done.media.duration == pytest.approx(2.0, abs=KEY_FRAME_SECONDS)
    assert done.media.streams == [("video", "h264"), ("audio", "aac")]


def test_a_section_of_sound_alone(download: Download) -> None:
    done = download("long.mp4", clip_start=5.0, clip_end=9.5, audio_only=True)

    assert done.media.streams == [("audio", "mp3")]
    assert done.media.duration == pytest.approx(4.5, abs=0.5)


def test_a_section_of_flac_states_its_own_length(download: Download) -> None:
    done = download("noise.flac", clip_start=1.0, clip_end=2.0, audio_only=True, audio_format="flac")

    assert done.media.streams == [("audio", "flac")]
    assert done.media.duration == pytest.approx(1.0, abs=0.3)


def test_only_segments_near_the_section_are_fetched(origin: Origin, download: Download) -> None:
    download("long/index.m3u8", clip_start=20.0, clip_end=22.0)

    fetched = {request.path for request in origin.requests if request.path.endswith(".ts")}
    assert "/long/20.ts" in fetched
    assert len(fetched) < media.LONG_SEGMENTS / 3


def test_a_file_is_asked_for_from_the_section_on(origin: Origin, download: Download) -> None:
    size = (media.directory() / "long.mp4").stat().st_size

    done = download("slow/400000/long.mp4", clip_start=25.0, clip_end=26.0)

    assert done.result is not None, done.failure
    ranges = [request.range for request in origin.received("/slow/400000/long.mp4") if request.range]
    assert max(int(one.removeprefix("bytes=").rstrip("-")) for one in ranges) > size / 2


@pytest.mark.parametrize("path", ["long.mp4", "long/index.m3u8"])
def test_a_section_behind_the_end_is_refused_with_the_length(path: str, download: Download) -> None:
    done = download(path, clip_start=40.0)

    assert done.failure is not None
    assert done.failure.code is FailureCode.FORMAT_UNAVAILABLE
    assert "lasts 30 s" in done.failure.message
    assert not done.failure.is_retryable


def test_a_live_stream_has_no_sections(download: Download) -> None:
    done = download("live/stream.m3u8", clip_end=2.0)

    assert done.failure is not None
    assert "max_live_duration_sec" in done.failure.message


def test_subtitles_and_chapters_move_with_the_section(download: Download) -> None:
    subtitled = download("page.html", clip_start=2.2, clip_end=3.8, download_subtitles=True, embed_subtitles=True)

    [subtitles] = subtitled.of(FileRole.SUBTITLE)
    assert "00:00:00,300 --> 00:00:01,300\nGood evening again" in subtitles.path.read_text()
    assert "Good evening\n" not in subtitles.path.read_text()
    assert ("subtitle", "mov_text") in subtitled.media.streams


def test_a_section_in_which_nobody_speaks_has_no_subtitles(download: Download) -> None:
    done = download("page.html", clip_start=3.6, download_subtitles=True, embed_subtitles=True)

    assert done.of(FileRole.SUBTITLE) == []
    assert done.media.languages == []


def test_chapters_move_with_the_section(download: Download) -> None:
    done = download("chapters.html", clip_start=9.0, clip_end=20.0)

    assert [(start, end) for start, end, _ in done.media.chapters] == [(0, 1), (1, 9), (9, 11)]


def test_what_ffmpeg_cuts_reaches_no_forbidden_address(
    origin: Origin, forbidden: ForbiddenPort, download: Download
) -> None:
    origin.pages["/evil.m3u8"] = finished_playlist("/long/0.ts", f"http://{forbidden.host}/1.ts")

    done = download("evil.m3u8", clip_start=1.0, clip_end=2.0)

    assert not forbidden.was_connected_to()
    assert done.failure is not None, done.result
    assert done.failure.code is FailureCode.BLOCKED_ADDRESS


def test_a_section_with_a_lost_part_is_no_result(origin: Origin, download: Download) -> None:
    origin.pages["/lost.m3u8"] = finished_playlist("/long/0.ts", "/long/1.ts", "/status/503/2.ts", "/long/3.ts")

    done = download("lost.m3u8", clip_end=3.5)

    assert done.failure is not None, done.result
    assert (done.failure.code, done.failure.is_retryable) == (FailureCode.NETWORK, True)
    assert not list(done.directory.glob("media*"))


def test_what_an_attempt_at_a_section_left_is_dropped(origin: Origin, tmp_path: Path) -> None:
    wanted = {"allow": [origin.host], "clip_start": 5.0, "clip_end": 20.0}
    request = make_request(origin.url("slow/100000/long.mp4"), tmp_path, **wanted)
    pause = Recorder(Stop.PAUSE, lambda seen: seen.downloaded_bytes > 0)
    paused = supervisor.run(request, pause, tick_seconds=0.1)
    left = list(tmp_path.glob("media*"))
    (tmp_path / "media.fmp4.mp4.part").write_bytes(b"what a killed attempt left")

    resumed = supervisor.run(make_request(origin.url("long.mp4"), tmp_path, **wanted), Recorder())

    assert paused.stopped is Stop.PAUSE
    assert left == []
    assert resumed.result is not None, resumed
    assert resumed.result.files[0].duration_seconds == pytest.approx(15, abs=KEY_FRAME_SECONDS)


@pytest.mark.parametrize("wanted", ["mp4", "mkv", "mp3", "m4a", "flac", "opus", "vorbis"])
def test_each_chapter_becomes_a_file_besides_the_whole(wanted: str, download: Download) -> None:
    is_film = wanted in ("mp4", "mkv")
    options = {"video_format": wanted} if is_film else {"audio_only": True, "audio_format": wanted}

    done = download("chapters.html", split_chapters=True, embed_thumbnail=True, **options)

    chapters = done.of(FileRole.CHAPTER)
    assert [file.chapter for file in chapters] == ["01 Beginning", "02 The middle: a/b", "03 End"]
    for file, (title, start, end) in zip(chapters, CHAPTERS, strict=True):
        look = look_at(file.path)
        assert look.duration == pytest.approx(end - start, abs=KEY_FRAME_SECONDS)
        assert look.chapters == []
        if wanted not in ("opus", "vorbis"):  # there, tags belong to the stream
            assert {name.lower(): value for name, value in look.tags.items()}["title"] == title
    assert done.media.duration == pytest.approx(30, abs=0.5)


def test_without_chapters_the_whole_comes_and_the_log_says_so(download: Download) -> None:
    done = download("video.mp4", split_chapters=True)

    assert [file.role for file in done.files] == [FileRole.MEDIA]
    assert done.warned("no chapters are split off")


def test_absurdly_many_chapters_are_not_split_off(origin: Origin, download: Download) -> None:
    starts = [number / 100 for number in range(301)]
    parts = ",".join(
        f'{{"@type": "Clip", "name": "c", "startOffset": {start}, "endOffset": {end}}}'
        for start, end in pairwise(starts)
    )
    head = '{"@context": "https://schema.org", "@type": "VideoObject", "name": "x", "contentUrl": '
    data = f'{head}"{origin.url("video.mp4")}", "hasPart": [{parts}]}}'
    page = f'<html><title>x</title><script type="application/ld+json">{data}</script></html>'
    origin.pages["/many.html"] = ("text/html", page.encode())

    done = download("many.html", split_chapters=True)

    assert done.of(FileRole.CHAPTER) == []
    assert done.warned("more than 200")
