"""Live streams: how a recording begins and ends."""

import time
from pathlib import Path

import pytest

from jobs.engine import supervisor
from jobs.engine.contract import FailureCode, Stop
from tests.jobs.engine.attempts import Recorder, make_request
from tests.jobs.engine.conftest import Download
from tests.jobs.engine.looking import look_at
from tests.origin import media
from tests.origin.live import AT_FIRST, LiveStream
from tests.origin.server import Origin


@pytest.mark.slow
def test_a_recording_ends_after_its_time_with_a_whole_file(download: Download) -> None:
    began = time.monotonic()

    done = download("live/stream.m3u8", live_seconds=3.0)

    assert 3 <= time.monotonic() - began < 20
    assert done.media.streams == [("video", "h264"), ("audio", "aac")]
    assert 2 <= done.media.duration <= 3 + AT_FIRST + 2
    assert done.files[0].duration_seconds == pytest.approx(done.media.duration, abs=0.1)


@pytest.mark.slow
def test_a_stream_is_recorded_from_the_earliest_moment_only_when_asked(origin: Origin, download: Download) -> None:
    done = download("live/event.m3u8", live_seconds=1.5, live_from_start=True)

    assert done.media.duration >= AT_FIRST - 0.5
    segments = [request.path for request in origin.requests if request.path.endswith(".ts")]
    assert segments[0] == "/long/0.ts"

    for file in done.directory.iterdir():
        file.unlink()
    origin.streams["/live/event.m3u8"] = LiveStream(is_kept=True)
    origin.requests.clear()
    download("live/event.m3u8", live_seconds=1.5)

    assert not origin.received("/long/0.ts")


@pytest.mark.slow
def test_a_stream_that_falls_silent_is_a_finished_recording(origin: Origin, download: Download) -> None:
    origin.streams["/live/silent.m3u8"] = LiveStream(length=9)

    done = download("live/silent.m3u8", stall_seconds=8.0)

    assert done.media.duration == pytest.approx(9 - 1, abs=1.5)


def test_a_stream_that_never_spoke_is_stalled(origin: Origin, download: Download) -> None:
    origin.streams["/live/silent.m3u8"] = LiveStream(length=AT_FIRST)
    for number in range(AT_FIRST):
        origin.pages[f"/long/{number}.ts"] = ("video/mp2t", b"")

    done = download("live/silent.m3u8", stall_seconds=1.5, live_seconds=1.0)

    assert done.failure is not None
    assert done.failure.code is FailureCode.STALLED


def test_a_stream_without_a_beginning_says_so(origin: Origin, download: Download) -> None:
    manifest = (media.directory() / "dash/manifest.mpd").read_text().replace('type="static"', 'type="dynamic"')
    origin.pages["/dash/live.mpd"] = ("application/dash+xml", manifest.encode())

    done = download("dash/live.mpd", live_from_start=True)

    assert done.failure is not None
    assert done.failure.code is FailureCode.FORMAT_UNAVAILABLE, done.failure
    assert "live_from_start" in done.failure.message


@pytest.mark.slow
def test_a_paused_recording_begins_anew(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("live/stream.m3u8"), tmp_path, allow=[origin.host], live_seconds=2.0)
    pause = Recorder(Stop.PAUSE, lambda seen: seen.downloaded_bytes > 0)
    paused = supervisor.run(request, pause, tick_seconds=0.1)
    left = list(tmp_path.glob("media*"))

    resumed = supervisor.run(request, Recorder())

    assert paused.stopped is Stop.PAUSE
    assert resumed.result is not None, resumed
    assert look_at(resumed.result.files[0].path).streams == [("video", "h264"), ("audio", "aac")]
    assert left == []
