import errno
import gc
import re
import socket
import ssl
import warnings
from pathlib import Path
from typing import Any

import pytest
import yt_dlp
from hypothesis import given
from hypothesis import strategies as st
from yt_dlp import utils
from yt_dlp.networking.exceptions import IncompleteRead, TransportError

from jobs.engine import failures
from jobs.engine.contract import Failure, FailureCode, Options
from jobs.engine.egress import EgressDenied
from jobs.engine.verification import VerificationError
from tests.origin import media
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


def download(url: str, directory: Path, **parameters: Any) -> Failure:
    """What becomes of the exception that the real yt-dlp raises for a URL. Its open sockets go with the exception."""
    defaults = {"quiet": True, "noprogress": True, "retries": 0, "fragment_retries": 0, "logger": Silence()}
    paths = {"paths": {"home": str(directory)}, "skip_unavailable_fragments": False, "cachedir": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        failure = None
        try:
            with yt_dlp.YoutubeDL({**defaults, **paths, **parameters}) as downloader:
                downloader.extract_info(url)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is classified
            failure = failures.classify(error)
        gc.collect()
    assert failure is not None, "yt-dlp raised nothing"
    return failure


class Silence:
    def debug(self, message: str) -> None: ...

    info = warning = error = debug


def through_trouble(error: Exception) -> BaseException:
    """The error as it leaves yt-dlp when an extractor raised it."""
    downloader = yt_dlp.YoutubeDL({"quiet": True, "logger": Silence()}, auto_init=False)
    try:
        try:
            raise error
        except utils.ExtractorError as caught:
            downloader.report_error(str(caught), caught.format_traceback())
    except utils.DownloadError as wrapped:
        outermost: BaseException = wrapped
        return outermost
    raise AssertionError("yt-dlp raised nothing")


@pytest.mark.parametrize("code", FailureCode)
def test_each_code_has_a_sentence_that_says_what_to_do_next(code: FailureCode) -> None:
    failure = failures.failure(code, "why")

    assert failure.code is code
    assert failure.message.endswith(".")
    assert any(mark in failure.message for mark in ("; ", ", "))
    assert failure.detail == "why"


@pytest.mark.parametrize("code", FailureCode)
def test_no_advice_names_what_the_service_does_not_have(code: FailureCode) -> None:
    message = failures.failure(code).message

    assert not re.search(r"/formats|/[a-z]+/", message)
    options = set(re.findall(r"[a-z]+_[a-z_]+", message))
    assert options <= {*Options.__dataclass_fields__, "cookies_id"}


def test_the_causes_are_those_of_every_kind_of_wrapping() -> None:
    inner = ValueError("inner")
    named = utils.ExtractorError("named", cause=inner)
    outer = utils.DownloadError("outer", (type(named), named, None))

    assert list(failures.causes(outer)) == [outer, named, inner]


def test_the_detail_is_text_that_databases_take() -> None:
    assert failures.failure(FailureCode.INTERNAL, "a\0b\ud800").detail == "ab?"


def test_what_may_pass_by_itself_is_retried() -> None:
    retryable = {code for code in FailureCode if failures.failure(code).is_retryable}

    assert retryable == {
        FailureCode.NETWORK,
        FailureCode.RATE_LIMITED,
        FailureCode.STALLED,
        FailureCode.DISK_FULL,
        FailureCode.INTERNAL,
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, FailureCode.LOGIN_REQUIRED),
        (403, FailureCode.LOGIN_REQUIRED),
        (404, FailureCode.NOT_FOUND),
        (410, FailureCode.NOT_FOUND),
        (429, FailureCode.RATE_LIMITED),
        (451, FailureCode.GEO_BLOCKED),
        (500, FailureCode.NETWORK),
        (503, FailureCode.NETWORK),
    ],
)
def test_the_status_of_a_page_decides(status: int, code: FailureCode, origin: Origin, tmp_path: Path) -> None:
    assert download(origin.url(f"/status/{status}"), tmp_path).code is code


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n/hls/muxed-0.ts\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, FailureCode.NETWORK),
        (404, FailureCode.NETWORK),
        (429, FailureCode.RATE_LIMITED),
        (451, FailureCode.GEO_BLOCKED),
        (500, FailureCode.NETWORK),
    ],
)
def test_media_links_that_ran_out_are_retried(status: int, code: FailureCode, origin: Origin, tmp_path: Path) -> None:
    playlist = HLS.format(f"/status/{status}/1.ts").encode()
    origin.pages["/live.m3u8"] = ("application/vnd.apple.mpegurl", playlist)

    assert download(origin.url("/live.m3u8"), tmp_path).code is code


def test_a_transfer_that_breaks_off_is_the_network(origin: Origin, tmp_path: Path) -> None:
    assert download(origin.url("/lies/video.mp4"), tmp_path).code is FailureCode.NETWORK


def test_nobody_listening_is_the_network(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"

        assert download(url, tmp_path).code is FailureCode.NETWORK


def test_a_page_without_media_is_unsupported(origin: Origin, tmp_path: Path) -> None:
    origin.pages["/text.html"] = ("text/html", b"<html><p>nothing here</p></html>")

    assert download(origin.url("/text.html"), tmp_path).code is FailureCode.UNSUPPORTED_URL


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("video/mp4", b"", FailureCode.NETWORK),
        ("application/vnd.apple.mpegurl", b"no list at all" * 100, FailureCode.UNSUPPORTED_URL),
    ],
    ids=["nothing", "no list"],
)
def test_what_a_site_does_is_no_error_of_ours(
    kind: str, content: bytes, code: FailureCode, origin: Origin, tmp_path: Path
) -> None:
    origin.pages["/odd.m3u8" if content else "/odd.mp4"] = (kind, content)

    assert download(origin.url("/odd.m3u8" if content else "/odd.mp4"), tmp_path).code is code


def test_data_that_ffmpeg_cannot_read_are_no_error_of_ours() -> None:
    """Its exit code is the lowest byte of AVERROR_INVALIDDATA."""
    assert (
        failures.classify(utils.DownloadError("ERROR: ffmpeg exited with code 183")).code is FailureCode.POST_PROCESSING
    )


@pytest.mark.parametrize("url", ["not a url", "file:///etc/passwd", "foo://127.0.0.1/x"])
def test_an_address_that_is_none_is_unsupported(url: str, tmp_path: Path) -> None:
    assert download(url, tmp_path, default_search="error").code is FailureCode.UNSUPPORTED_URL


def test_a_selector_that_matches_nothing_is_a_missing_format(origin: Origin, tmp_path: Path) -> None:
    assert download(origin.url("/video.mp4"), tmp_path, format="nope").code is FailureCode.FORMAT_UNAVAILABLE


def test_sound_of_a_silent_film_is_a_missing_format(origin: Origin, tmp_path: Path) -> None:
    steps = [{"key": "FFmpegExtractAudio", "preferredcodec": "mp3"}]
    location = str(media.tools().ffmpeg.parent)

    failure = download(origin.url("/silent.mp4"), tmp_path, postprocessors=steps, ffmpeg_location=location)

    assert failure.code is FailureCode.FORMAT_UNAVAILABLE


def test_a_blocked_address_is_found_behind_every_wrapper(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: Any, **__: Any) -> None:
        raise EgressDenied("egress denied: 127.0.0.1 port 80")

    monkeypatch.setattr("yt_dlp.networking._requests.create_connection", deny, raising=False)
    monkeypatch.setattr("urllib3.connection.connection.create_connection", deny)

    assert download(origin.url("/video.mp4"), tmp_path).code is FailureCode.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, FailureCode.DISK_FULL),
        (errno.EDQUOT, FailureCode.DISK_FULL),
        (errno.EFBIG, FailureCode.TOO_LARGE),
    ],
)
def test_limits_of_the_disk_show_through_yt_dlps_wrapping(number: int, code: FailureCode) -> None:
    reason = OSError(number, "as the system says")
    wrapped = utils.DownloadError("unable to download", (OSError, reason, None))

    assert failures.classify(wrapped).code is code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (utils.UnsupportedError("http://x/"), FailureCode.UNSUPPORTED_URL),
        (utils.GeoRestrictedError("no"), FailureCode.GEO_BLOCKED),
        (utils.UserNotLive(), FailureCode.LIVE_NOT_STARTED),
        (utils.ExtractorError("This video is DRM protected", expected=True), FailureCode.DRM),
        (utils.ExtractorError("Sign in to confirm you're not a bot", expected=True), FailureCode.LOGIN_REQUIRED),
        (utils.ExtractorError("Private video. Sign in if", expected=True), FailureCode.LOGIN_REQUIRED),
        (utils.ExtractorError("Premieres in 3 hours", expected=True), FailureCode.LIVE_NOT_STARTED),
        (utils.ExtractorError("This live event will begin in 2 days.", expected=True), FailureCode.LIVE_NOT_STARTED),
        (utils.ExtractorError("Video unavailable", expected=True), FailureCode.NOT_FOUND),
        (
            utils.ExtractorError("The uploader has not made this video available in your country", expected=True),
            FailureCode.GEO_BLOCKED,
        ),
        (utils.ExtractorError("No video formats found!"), FailureCode.FORMAT_UNAVAILABLE),
        (utils.ExtractorError("timed out", cause=TransportError("timed out")), FailureCode.NETWORK),
        (utils.ExtractorError("Unable to extract title"), FailureCode.INTERNAL),
    ],
)
def test_what_extractors_say_is_understood(error: utils.ExtractorError, code: FailureCode) -> None:
    assert failures.classify(error).code is code
    assert failures.classify(through_trouble(error)).code is code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (utils.EntryNotInPlaylist(), FailureCode.NOT_FOUND),
        (utils.ContentTooShortError(1, 2), FailureCode.NETWORK),
        (IncompleteRead(1, 2), FailureCode.NETWORK),
        (ssl.SSLError("handshake"), FailureCode.NETWORK),
        (TimeoutError(), FailureCode.NETWORK),
        (socket.gaierror(-2, "Name or service not known"), FailureCode.NETWORK),
        (utils.PostProcessingError("Conversion failed!"), FailureCode.POST_PROCESSING),
        (utils.PostProcessingError("x: No space left on device"), FailureCode.DISK_FULL),
        (utils.PostProcessingError("ffmpeg not found. Please install"), FailureCode.RUNTIME_MISSING),
        (FileNotFoundError(2, "No such file", "/opt/ffmpeg"), FailureCode.RUNTIME_MISSING),
        (VerificationError("a.mp4 has no audio"), FailureCode.POST_PROCESSING),
        (ZeroDivisionError("bug"), FailureCode.INTERNAL),
        (KeyError("sign in"), FailureCode.INTERNAL),
        (MemoryError(), FailureCode.INTERNAL),
    ],
)
def test_other_errors_are_told_apart(error: BaseException, code: FailureCode) -> None:
    assert failures.classify(error).code is code


def test_the_words_of_a_url_decide_nothing() -> None:
    error = utils.ExtractorError("Unable to read http://x/login-required/DRM")

    assert failures.classify(error).code is FailureCode.INTERNAL


def test_the_log_decides_only_what_the_error_leaves_open() -> None:
    tail = ["[debug] DRM", "[download] File is larger than max-filesize (1 bytes > 0 bytes). Aborting."]

    assert failures.classify(RuntimeError("no file"), log_tail=tail).code is FailureCode.TOO_LARGE
    assert failures.classify(utils.UserNotLive(), log_tail=tail).code is FailureCode.LIVE_NOT_STARTED


def test_a_circle_of_causes_ends() -> None:
    one, two = RuntimeError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one

    assert failures.classify(one).code is FailureCode.INTERNAL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at https://u:p@h.example:8/a/b?token=s3cret#x now", "at https://h.example:8/a/b now"),
        ("caused by <x 'http://h/p?sig=s3cret'>", "caused by <x 'http://h/p'>"),
        ("Cookie: a=s3cret; b=1\nnext", "Cookie: [redacted]\nnext"),
        ("{'Authorization': 'Bearer s3cret'}", "{'Authorization': [redacted]"),
        ("http://[bad/?x=s3cret", "http://[redacted]"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_are_cut_out(text: str, expected: str) -> None:
    assert failures.redact(text) == expected
    assert "s3cret" not in failures.failure(FailureCode.INTERNAL, text).detail


@given(st.text(), st.text(alphabet=st.characters(exclude_categories=["Z", "C"], exclude_characters="'\"<>`|\\")))
def test_no_query_string_survives(before: str, query: str) -> None:
    assert f"mark{query}mark" not in failures.redact(f"{before} https://host/path?key=mark{query}mark")


@pytest.mark.timeout(5)
@pytest.mark.parametrize("flood", ["x" * 10**6, "9" * 10**6, "://" * 10**5, "cookie " * 10**5, "ffmpeg " * 10**5])
def test_a_flood_of_words_takes_no_time(flood: str) -> None:
    assert failures.classify(utils.ExtractorError(flood), log_tail=[flood]).code is not None


def test_the_detail_is_bounded() -> None:
    assert len(failures.failure(FailureCode.INTERNAL, "x" * 100_000).detail) == failures.MAX_DETAIL_CHARACTERS


def test_the_wait_doubles_up_to_its_maximum() -> None:
    def delay(attempt: int, jitter: float = 1.0) -> float:
        return failures.retry_delay(attempt, base=10, maximum=300, jitter=jitter)

    assert [delay(attempt) for attempt in (1, 2, 3, 4, 5, 6, 7)] == [10, 20, 40, 80, 160, 300, 300]
    assert delay(3, jitter=0.0) == 20
    assert delay(10**9) == 300
    assert delay(0) == 10
