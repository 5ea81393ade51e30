"""Whole attempts: real yt-dlp and ffmpeg in real processes, against a local origin."""

import hashlib
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import postprocessing, supervisor, workspace
from jobs.engine.contract import EgressPolicy, FailureCode, FileRole, Phase, Stop
from tests.jobs.engine.attempts import MIB, Recorder, exists, make_request, processes_in, wait_until
from tests.jobs.engine.conftest import ForbiddenPort
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


def live_playlist(*segments: str) -> tuple[str, bytes]:
    """A live stream, which yt-dlp leaves to ffmpeg."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += [f"#EXTINF:1.0,\n{segment}" for segment in segments]
    return "application/vnd.apple.mpegurl", "\n".join([*lines, ""]).encode()


def finished_playlist(*segments: str) -> tuple[str, bytes]:
    kind, content = live_playlist(*segments)
    return kind, content + b"#EXT-X-ENDLIST\n"


def live_variants(*urls: str) -> tuple[str, bytes]:
    """A master playlist, the last one of which is the best."""
    lines = [f"#EXT-X-STREAM-INF:BANDWIDTH={1000 * 10**i}\n{url}" for i, url in enumerate(urls)]
    return "application/vnd.apple.mpegurl", "\n".join(["#EXTM3U", *lines, ""]).encode()


# A film as a list of addresses, of a kind that ffmpeg opens without asking its caller.
IMF_COMPOSITION = """<?xml version="1.0"?>
<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">
<Id>urn:uuid:11111111-1111-1111-1111-111111111111</Id><ContentTitle>a</ContentTitle><EditRate>24 1</EditRate>
<SegmentList><Segment><Id>urn:uuid:11111111-1111-1111-1111-111111111112</Id><SequenceList>
<cc:MainImageSequence xmlns:cc="http://www.smpte-ra.org/schemas/2067-2/2016">
<Id>urn:uuid:11111111-1111-1111-1111-111111111113</Id><TrackId>urn:uuid:11111111-1111-1111-1111-111111111114</TrackId>
<ResourceList><Resource xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="TrackFileResourceType">
<Id>urn:uuid:11111111-1111-1111-1111-111111111115</Id><IntrinsicDuration>24</IntrinsicDuration>
<EntryPoint>0</EntryPoint><SourceDuration>24</SourceDuration>
<TrackFileId>urn:uuid:11111111-1111-1111-1111-111111111116</TrackFileId></Resource></ResourceList>
</cc:MainImageSequence></SequenceList></Segment></SegmentList></CompositionPlaylist>"""
IMF_ASSETS = """<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><AssetList>
<Asset><Id>urn:uuid:11111111-1111-1111-1111-111111111116</Id>
<ChunkList><Chunk><Path>{url}</Path></Chunk></ChunkList></Asset></AssetList></AssetMap>"""


def fat_segment() -> tuple[str, bytes]:
    """Enough for ffmpeg to start writing."""
    return "video/mp2t", (media.directory() / "hls/muxed-0.ts").read_bytes() * 60


# --- the good end ---


def test_a_file_comes_whole_and_is_described(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("big.mp4"), tmp_path, allow=[origin.host], embed_metadata=False)

    outcome = supervisor.run(request, Recorder())

    assert outcome.result is not None, outcome
    [file] = outcome.result.files
    source = (media.directory() / "big.mp4").read_bytes()
    assert file.role is FileRole.MEDIA
    assert file.path.parent == tmp_path
    assert file.path.read_bytes() == source
    assert file.sha256 == hashlib.sha256(source).hexdigest()
    assert outcome.result.metadata["title"] == "big"
    assert outcome.result.template_values["ext"] == "mp4"
    assert outcome.result.extractor == "generic"
    assert all(outcome.result.versions[name] for name in ("yt_dlp", "ffmpeg", "python"))


def test_two_formats_are_merged_and_the_percentage_never_falls(origin: Origin, tmp_path: Path) -> None:
    for name in ("360", "audio"):
        playlist = (media.directory() / f"hls/{name}.m3u8").read_text().replace(f"{name}-", f"/slow/300000/hls/{name}-")
        origin.pages[f"/hls/{name}.m3u8"] = ("application/vnd.apple.mpegurl", playlist.encode())
    recorder = Recorder()
    request = make_request(origin.url("hls/master.m3u8"), tmp_path, allow=[origin.host], quality="360p")

    outcome = supervisor.run(request, recorder, tick_seconds=0.02)

    assert outcome.result is not None, outcome
    assert outcome.format_id == outcome.result.metadata["format_id"]
    assert "+" in outcome.format_id
    percents = [seen.percent for seen in recorder.progress if seen.percent is not None]
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    phases = list(dict.fromkeys(seen.phase for seen in recorder.progress))
    assert phases[:3] == [Phase.EXTRACTING, Phase.DOWNLOADING, Phase.MERGING]


def test_companions_come_after_the_media(origin: Origin, tmp_path: Path) -> None:
    request = make_request(
        origin.url("page.html"),
        tmp_path,
        allow=[origin.host],
        download_subtitles=True,
        write_thumbnail=True,
        write_info_json=True,
    )

    outcome = supervisor.run(request, Recorder())

    assert outcome.result is not None, outcome
    roles = [FileRole.MEDIA, FileRole.SUBTITLE, FileRole.THUMBNAIL, FileRole.INFO]
    assert [file.role for file in outcome.result.files] == roles
    assert outcome.result.files[1].language == "en"
    assert outcome.result.metadata["title"] == "A test film"


def test_a_hostile_name_makes_no_text_that_databases_refuse(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/a\0b.mp4"] = ("video/mp4", (media.directory() / "video.mp4").read_bytes())
    recorder = Recorder()

    outcome = supervisor.run(make_request(origin.url("a%00b.mp4"), tmp_path, allow=[origin.host]), recorder)

    assert outcome.result is not None, outcome
    texts = [line.text for line in [*recorder.log, *outcome.log]]
    assert "\0" not in "".join([*texts, str(outcome.result.metadata["title"]), outcome.result.extractor])


def test_of_several_videos_the_first_is_taken_and_the_log_says_so(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("playlist.html"), tmp_path, allow=[origin.host])
    recorder = Recorder()

    outcome = supervisor.run(request, recorder)

    assert outcome.result is not None, outcome
    assert len(outcome.result.files) == 1
    assert any("3 videos" in line.text for line in [*recorder.log, *outcome.log])
    assert not origin.received("/video.webm")


def test_a_stream_that_ffmpeg_fetches_shows_progress(origin: Origin, tmp_path: Path) -> None:
    origin.pages |= {"/live.m3u8": live_playlist("/slow/2000000/fat.ts"), "/fat.ts": fat_segment()}
    recorder = Recorder(Stop.CANCEL, lambda seen: seen.downloaded_bytes > 0)
    request = make_request(origin.url("live.m3u8"), tmp_path, allow=[origin.host])

    outcome = supervisor.run(request, recorder)

    assert outcome.stopped is Stop.CANCEL
    assert recorder.progress[-1].phase is Phase.DOWNLOADING


# --- stopping ---


@pytest.mark.parametrize("stop", [Stop.CANCEL, Stop.LOST])
def test_cancel_kills_the_whole_process_group_with_ffmpeg(stop: Stop, origin: Origin, tmp_path: Path) -> None:
    origin.pages["/live.m3u8"] = live_playlist("/stall/hls/muxed-0.ts")
    seen: dict[int, str] = {}

    def ffmpeg_runs(_: Recorder) -> bool:
        seen.update(processes_in(tmp_path))
        return "ffmpeg" in " ".join(seen.values()) and bool(origin.received("/stall/hls/muxed-0.ts"))

    recorder = Recorder(stop, ffmpeg_runs)

    outcome = supervisor.run(make_request(origin.url("live.m3u8"), tmp_path, allow=[origin.host]), recorder)

    assert recorder.wished_at is not None
    wait_until(lambda: not processes_in(tmp_path))
    assert time.monotonic() - recorder.wished_at < 1
    assert len(seen) == 2
    assert not any(exists(pid) for pid in seen)
    assert outcome.stopped is stop


@pytest.mark.parametrize("stop", [Stop.PAUSE, Stop.DRAIN])
def test_pause_keeps_the_partial_file_and_the_next_attempt_resumes_it(
    stop: Stop, origin: Origin, tmp_path: Path
) -> None:
    recorder = Recorder(stop, lambda seen: seen.downloaded_bytes > MIB)
    options = {"allow": [origin.host], "embed_metadata": False}

    paused = supervisor.run(
        make_request(origin.url("slow/6000000/big.mp4"), tmp_path, **options), recorder, tick_seconds=0.1
    )
    partial = next(tmp_path.glob("*.part")).stat().st_size
    origin.requests.clear()
    resumed = supervisor.run(make_request(origin.url("slow/90000000/big.mp4"), tmp_path, **options), Recorder())

    assert paused.stopped is stop
    assert paused.format_id
    assert partial > MIB
    ranges = [request.range for request in origin.received("/slow/90000000/big.mp4")]
    assert f"bytes={partial}-" in ranges
    assert resumed.result is not None, resumed
    assert resumed.result.files[0].path.read_bytes() == (media.directory() / "big.mp4").read_bytes()


def test_a_child_that_does_not_heed_the_pause_is_killed_after_the_grace(origin: Origin, tmp_path: Path) -> None:
    recorder = Recorder(Stop.PAUSE, lambda seen: seen.downloaded_bytes > 0 and seen.ticks_since_progress > 2)
    request = make_request(origin.url("stall/video.mp4"), tmp_path, allow=[origin.host], grace_seconds=0.3)

    outcome = supervisor.run(request, recorder, tick_seconds=0.1)

    assert recorder.wished_at is not None
    assert 0.3 <= time.monotonic() - recorder.wished_at < 1.5
    assert outcome.stopped is Stop.PAUSE


def test_what_the_watcher_raises_ends_the_child_and_passes_through(origin: Origin, tmp_path: Path) -> None:
    def time_out(_: Recorder) -> bool:
        if processes_in(tmp_path):
            raise SystemExit("django-q2's timeout")
        return False

    with pytest.raises(SystemExit):
        supervisor.run(
            make_request(origin.url("stall/video.mp4"), tmp_path, allow=[origin.host]), Recorder(Stop.CANCEL, time_out)
        )

    assert not processes_in(tmp_path)


def test_the_child_and_its_ffmpeg_die_with_a_killed_worker(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/live.m3u8"] = live_playlist("/stall/hls/muxed-0.ts")
    request = make_request(origin.url("live.m3u8"), tmp_path, allow=[origin.host])
    worker = os.fork()
    if worker == 0:
        try:
            supervisor.run(request, Recorder())
        finally:
            os._exit(0)
    wait_until(lambda: len(processes_in(tmp_path)) == 2 and origin.received("/stall/hls/muxed-0.ts"))

    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)

    wait_until(lambda: not processes_in(tmp_path), seconds=1)


# --- bounds ---


def test_silence_is_a_stall(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("stall/video.mp4"), tmp_path, allow=[origin.host], stall_seconds=0.8)

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.STALLED
    assert outcome.failure.is_retryable


def test_a_trickle_is_no_stall_but_times_out(origin: Origin, tmp_path: Path) -> None:
    request = make_request(
        origin.url("slow/20000/video.mp4"), tmp_path, allow=[origin.host], stall_seconds=1, total_seconds=1.7
    )
    began = time.monotonic()

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.TIMEOUT
    assert 1.7 <= time.monotonic() - began < 2.7


def test_a_declared_size_over_the_limit_is_refused(origin: Origin, tmp_path: Path) -> None:
    outcome = supervisor.run(make_request(origin.url("huge/video.mp4"), tmp_path, allow=[origin.host]), Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.TOO_LARGE
    assert workspace.usage(tmp_path).size_bytes < 10_000


@pytest.mark.parametrize("path", ["nolength/big.mp4", "endless.m3u8", "live.m3u8"])
def test_a_size_that_nobody_declared_is_bounded_too(path: str, origin: Origin, tmp_path: Path) -> None:
    origin.pages |= {
        "/endless.m3u8": finished_playlist(*["/hls/muxed-0.ts"] * 60),
        "/live.m3u8": live_playlist("/fat.ts"),
        "/fat.ts": fat_segment(),
    }
    request = make_request(origin.url(path), tmp_path, allow=[origin.host], max_file_bytes=MIB // 2)

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.TOO_LARGE
    assert workspace.usage(tmp_path).size_bytes < 3 * MIB


def test_a_fragment_whose_declared_size_is_over_the_limit_is_refused(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/a.m3u8"] = finished_playlist("/hls/muxed-0.ts", "/huge/hls/muxed-1.ts")

    outcome = supervisor.run(make_request(origin.url("a.m3u8"), tmp_path, allow=[origin.host]), Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.TOO_LARGE


@pytest.mark.parametrize("path", ["echo", "text.html", "text.txt", "as/application/octet-stream/echo", "feed.html"])
def test_what_is_no_media_is_an_unsupported_address(path: str, origin: Origin, tmp_path: Path) -> None:
    origin.pages |= {
        "/text.html": ("text/html", b"<html><title>a</title><p>nothing here</p></html>"),
        "/text.txt": ("text/plain", b"nothing here"),
        "/feed.html": ("text/html; charset=utf-8", b"<html><a href='http://a.example/'>b</a><iframe></iframe></html>"),
    }

    outcome = supervisor.run(make_request(origin.url(path), tmp_path, allow=[origin.host]), Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.UNSUPPORTED_URL, outcome.failure


def test_a_full_disk_ends_the_attempt(origin: Origin, tmp_path: Path) -> None:
    floor = workspace.free_bytes(tmp_path) * 2
    request = make_request(origin.url("slow/50000/video.mp4"), tmp_path, allow=[origin.host], free_disk_bytes=floor)

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.DISK_FULL


def test_memory_of_the_whole_group_is_bounded(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("slow/50000/video.mp4"), tmp_path, allow=[origin.host], max_memory_bytes=MIB)

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.INTERNAL
    assert "memory" in outcome.failure.detail


def test_a_crash_is_retryable_and_named(origin: Origin, tmp_path: Path) -> None:
    def kill_child(_: Recorder) -> bool:
        for pid in processes_in(tmp_path):
            os.kill(pid, signal.SIGKILL)
        return False

    request = make_request(origin.url("stall/video.mp4"), tmp_path, allow=[origin.host])

    outcome = supervisor.run(request, Recorder(Stop.CANCEL, kill_child))

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.INTERNAL
    assert outcome.failure.is_retryable
    assert "SIGKILL" in outcome.failure.detail


def test_the_end_of_the_child_is_noticed_at_once(origin: Origin, tmp_path: Path) -> None:
    request = make_request(origin.url("status/404/video.mp4"), tmp_path, allow=[origin.host])

    outcome = supervisor.run(request, Recorder(), tick_seconds=30)
    written_at = (tmp_path / workspace.RESULT_NAME).stat().st_mtime

    assert time.time() - written_at < 0.2
    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.NOT_FOUND


# --- resuming ---


def test_a_complete_partial_file_does_not_fail_for_ever(origin: Origin, tmp_path: Path) -> None:
    options = {"allow": [origin.host], "embed_metadata": False}
    content = (media.directory() / "video.mp4").read_bytes()
    first = supervisor.run(make_request(origin.url("video.mp4"), tmp_path, **options), Recorder())
    assert first.result is not None
    path = first.result.files[0].path
    path.with_name(path.name + ".part").write_bytes(content + b"trailing")
    path.unlink()

    outcome = supervisor.run(make_request(origin.url("video.mp4"), tmp_path, **options), Recorder())

    assert outcome.result is not None, outcome
    assert outcome.result.files[0].path.read_bytes() == content


def test_a_file_that_changed_at_the_origin_is_fetched_anew(origin: Origin, tmp_path: Path) -> None:
    old = (media.directory() / "big.mp4").read_bytes()
    new = old[:MIB] + bytes(len(old) - MIB)
    origin.pages["/changing.mp4"] = ("video/mp4", old)
    options = {"allow": [origin.host], "embed_metadata": False}
    pause = Recorder(Stop.PAUSE, lambda seen: seen.downloaded_bytes > MIB)
    request = make_request(origin.url("slow/6000000/changing.mp4"), tmp_path, **options)
    paused = supervisor.run(request, pause, tick_seconds=0.1)
    partial = next(tmp_path.glob("*.part")).stat().st_size
    origin.pages["/changing.mp4"] = ("video/mp4", new)
    origin.requests.clear()

    resumed = supervisor.run(make_request(request.url, tmp_path, **options), Recorder())

    assert paused.stopped is Stop.PAUSE
    assert f"bytes={partial}-" in [request.range for request in origin.received("/slow/6000000/changing.mp4")]
    assert resumed.result is not None, resumed
    assert resumed.result.files[0].path.read_bytes() == new


def test_half_a_conversion_of_a_killed_attempt_is_not_taken_for_the_result(origin: Origin, tmp_path: Path) -> None:
    content = (media.directory() / "video.mp4").read_bytes()
    (tmp_path / "media.fmp4.mp4").write_bytes(content[:1000])

    request = make_request(origin.url("video.mp4"), tmp_path, allow=[origin.host], embed_metadata=False)
    outcome = supervisor.run(request, Recorder())

    assert outcome.result is not None, outcome
    assert outcome.result.files[0].path.read_bytes() == content


def test_what_still_writes_into_the_directory_is_killed_first(origin: Origin, tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    writers = [_write_for_ever(directory, tmp_path / "media.fold.mp4.part") for directory in (tmp_path, below)]
    wait_until(lambda: (tmp_path / "media.fold.mp4.part").exists() and len(processes_in(below)) == 1)
    request = make_request(origin.url("video.mp4"), tmp_path, allow=[origin.host], embed_metadata=False)

    outcome = supervisor.run(request, Recorder())

    statuses = [os.waitpid(pid, os.WNOHANG) for pid in writers]
    assert statuses == [(pid, signal.SIGKILL) for pid in writers]
    assert outcome.result is not None, outcome


def _write_for_ever(directory: Path, path: Path) -> int:
    """A child of a worker that was thought to be dead, deaf to polite signals."""
    if pid := os.fork():
        return pid
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.chdir(directory)
        for _ in range(3000):
            with path.open("ab") as partial:
                partial.write(b"old")
            time.sleep(0.01)
    finally:
        os._exit(0)


def test_an_attempt_does_not_start_beside_a_process_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch, origin: Origin, tmp_path: Path
) -> None:
    (tmp_path / "media.fmp4.mp4.part").write_bytes(b"old")
    monkeypatch.setattr(workspace, "EVICTION_SECONDS", 0.1)
    monkeypatch.setattr(workspace, "_processes_below", lambda _: [2**22 + 1])  # above every id: it takes no signal

    outcome = supervisor.run(make_request(origin.url("video.mp4"), tmp_path, allow=[origin.host]), Recorder())

    assert outcome.failure is not None
    assert outcome.failure.is_retryable
    assert "earlier attempt" in outcome.failure.detail
    assert (tmp_path / "media.fmp4.mp4.part").read_bytes() == b"old"
    assert origin.requests == []


def test_an_attempt_that_is_killed_before_the_tagged_file_takes_its_place_is_made_anew(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = postprocessing.MetadataPP.run_ffmpeg_multiple_files
    request = make_request(origin.url("video.mp4"), tmp_path, allow=[origin.host])

    def tag_and_die(*arguments: Any, **more: Any) -> None:
        tag(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(postprocessing.MetadataPP, "run_ffmpeg_multiple_files", tag_and_die)
        killed = supervisor.run(request, Recorder())
    left = [path.name for path in tmp_path.glob("*.mp4")]
    again = supervisor.run(request, Recorder())

    assert killed.failure is not None
    assert len(left) == 1  # two of them would have cost writing out the one that is replaced
    assert left[0].endswith(".temp.mp4")
    assert again.result is not None, again
    assert [path.name for path in tmp_path.glob("*.mp4")] == [again.result.files[0].path.name]
    assert again.result.files[0].duration_seconds


# --- addresses and names that are wrong or hostile ---


@pytest.mark.parametrize(
    "url",
    [
        "http://a..b/",
        "http://%00/",
        f"http://{'a' * 64}.example/",
        "http://a\u202eb.example/",
        "http://[::1/",
        "http://a:99999/",
        "http:///a",
        "{origin}redirect?to=file:///etc/passwd",
        "{origin}redirect?to=http://a..b/",
        "{origin}redirect?to=http://a:99999/",
    ],
)
def test_an_impossible_address_is_unsupported(url: str, origin: Origin, tmp_path: Path) -> None:
    request = make_request(url.replace("{origin}", origin.url()), tmp_path, allow=[origin.host])

    outcome = supervisor.run(request, Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.UNSUPPORTED_URL, outcome.failure
    assert not outcome.failure.is_retryable


@pytest.mark.parametrize("path", ["redirect", "embed.html", "bare.html"])
@pytest.mark.parametrize(
    "rules", [{"refused_hosts": ("refused.example", "youtube.com")}, {"allowed_hosts": ("127.0.0.1",)}]
)
def test_a_link_may_not_lead_to_a_refused_host(
    path: str, rules: dict[str, tuple[str, ...]], origin: Origin, tmp_path: Path
) -> None:
    if path == "redirect":
        path = f"redirect?to=http://localhost:{origin.port}/video.mp4"
        rules = {"refused_hosts": ("localhost",), "allowed_hosts": rules.get("allowed_hosts", ())}
    frame = b'<iframe src="https://www.youtube.com/embed/BaW_jenozKc"></iframe>'
    origin.pages["/embed.html"] = ("text/html", b"<html><title>A film</title>" + frame)
    origin.pages["/bare.html"] = (
        "text/html",
        b'<html><meta http-equiv="refresh" content="0; url=https://www.refused.example/watch"></html>',
    )

    outcome = supervisor.run(make_request(origin.url(path), tmp_path, allow=[origin.host], **rules), Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.UNSUPPORTED_URL, outcome
    assert not outcome.failure.is_retryable
    assert re.search(r"localhost|www\.refused\.example|www\.youtube\.com", outcome.failure.message)


def test_media_may_be_on_another_host_than_its_page(origin: Origin, tmp_path: Path) -> None:
    request = make_request(
        origin.url("page.html"),
        tmp_path,
        allow=[origin.host],
        allowed_hosts=("127.0.0.1",),
        refused_hosts=("a.example",),
    )

    outcome = supervisor.run(request, Recorder())

    assert outcome.result is not None, outcome


@pytest.mark.parametrize("group", ["x" * 300, "\u00e9" * 300, "a\0b", "../" * 60, "a\u202eb"])
def test_a_hostile_format_id_neither_fails_nor_escapes(group: str, origin: Origin, tmp_path: Path) -> None:
    lines = [
        "#EXTM3U",
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{group}",NAME="a",URI="/hls/audio.m3u8"',
        f'#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,AUDIO="{group}"',
        "/hls/360.m3u8",
    ]
    origin.pages["/groups.m3u8"] = ("application/vnd.apple.mpegurl", "\n".join(lines).encode())

    outcome = supervisor.run(make_request(origin.url("groups.m3u8"), tmp_path, allow=[origin.host]), Recorder())

    assert outcome.result is not None, outcome
    assert "+" in outcome.result.metadata["format_id"]
    assert outcome.result.metadata["format_id"].isprintable()


# --- egress ---


@pytest.mark.parametrize("path", ["direct", "redirect", "segments", "live", "raw", "imf", "playlist", "key"])
def test_forbidden_addresses_are_never_connected_to(
    path: str, origin: Origin, forbidden: ForbiddenPort, tmp_path: Path
) -> None:
    evil = f"http://{forbidden.host}/hls/muxed-0.ts"
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="http://{forbidden.host}/key"\n#EXTINF:1.0,\n/hls/muxed-0.ts'
    origin.pages |= {
        "/segments.m3u8": finished_playlist("/hls/muxed-0.ts", evil),
        "/live.m3u8": live_playlist(evil),
        "/good.m3u8": live_playlist("/hls/muxed-0.ts"),
        "/raw.m3u8": live_variants("good.m3u8", f"tcp://{forbidden.host}/a.ts"),
        "/imf.m3u8": live_variants("good.m3u8", "cpl.xml"),
        "/cpl.xml": ("text/xml", IMF_COMPOSITION.encode()),
        "/ASSETMAP.xml": ("text/xml", IMF_ASSETS.replace("{url}", f"tcp://{forbidden.host}/a").encode()),
        "/key.m3u8": finished_playlist(key),
        "/playlist.m3u8": (
            "application/vnd.apple.mpegurl",
            f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nhttp://{forbidden.host}/a.m3u8\n".encode(),
        ),
    }
    url = {
        "direct": f"http://{forbidden.host}/video.mp4",
        "redirect": origin.url(f"redirect?to=http://{forbidden.host}/video.mp4"),
    }.get(path, origin.url(f"{path}.m3u8"))

    request = make_request(url, tmp_path, allow=[origin.host], stall_seconds=1.2 if path == "live" else 10)

    outcome = supervisor.run(request, Recorder())

    assert not forbidden.was_connected_to()
    assert outcome.failure is not None, outcome
    if path != "imf":  # refused for its format, before there is an address
        assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS
        assert "egress denied" in outcome.failure.detail


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "0"])
def test_every_spelling_of_loopback_is_blocked(host: str, forbidden: ForbiddenPort, tmp_path: Path) -> None:
    port = forbidden.host.partition(":")[2]

    outcome = supervisor.run(make_request(f"http://{host}:{port}/video.mp4", tmp_path), Recorder())

    assert not forbidden.was_connected_to()
    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS


def test_private_networks_can_be_allowed(origin: Origin, tmp_path: Path) -> None:
    policy = EgressPolicy(allow_private=True)

    outcome = supervisor.run(make_request(origin.url("video.mp4"), tmp_path, egress=policy), Recorder())

    assert outcome.result is not None, outcome


def test_a_child_whose_pipe_is_held_open_by_others_has_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_somebody_behind(*_: object, **__: object) -> None:
        os.setsid()
        if os.fork() == 0:
            time.sleep(30)
        os._exit(7)

    monkeypatch.setattr("jobs.engine.child.main", leave_somebody_behind)
    began = time.monotonic()

    outcome = supervisor.run(make_request("http://a/", tmp_path), Recorder())

    assert time.monotonic() - began < 2
    assert outcome.failure is not None
    assert "status 7" in outcome.failure.detail


def test_a_process_with_a_name_that_is_no_text_disturbs_nobody() -> None:
    pid = os.fork()
    if pid == 0:
        Path("/proc/self/comm").write_bytes(b"\xff\xfe) R 1 (")
        time.sleep(30)
    try:
        wait_until(lambda: b"\xff" in Path(f"/proc/{pid}/comm").read_bytes())

        assert supervisor._load(os.getsid(0))[0] > MIB
        assert supervisor._load(pid) == (0, 0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_child_that_is_swept_before_it_got_anywhere_leaves_nothing(origin: Origin, tmp_path: Path) -> None:
    for _ in range(10):
        process = supervisor._Process()
        process.start(make_request(origin.url("stall/video.mp4"), tmp_path))
        pid = process.pid
        assert pid

        process.sweep()

        assert not exists(pid)


def test_no_descriptor_is_left_behind(origin: Origin, tmp_path: Path) -> None:
    def held() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    before = held()

    supervisor.run(make_request(origin.url("status/404/x.mp4"), tmp_path, allow=[origin.host]), Recorder())

    origin.close()
    assert len(held()) <= len(before)
