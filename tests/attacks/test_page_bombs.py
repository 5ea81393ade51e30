"""Pages and lists that are small on the line and without end in memory. Real yt-dlp."""

import gzip
import zlib
from pathlib import Path

import brotli
import pytest

from jobs.engine import pages, supervisor
from jobs.engine.contract import FailureCode
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin.server import Origin

pytestmark = [pytest.mark.usefixtures("warm_engine"), pytest.mark.slow]

PADDING = b" " * (pages.MAX_PAGE_BYTES + 1024 * 1024)
PACKED = {"gzip": gzip.compress, "deflate": zlib.compress, "br": lambda text: brotli.compress(text, quality=1)}
PAGE, LIST, DASH = b"<!doctype html><html>", b"#EXTM3U\n", b'<?xml version="1.0"?><MPD>'
BOMBS = {
    "a page": ("/bomb.html", "text/html", PAGE),
    "an HLS list": ("/bomb.m3u8", "application/vnd.apple.mpegurl", LIST),
    "a DASH list": ("/bomb.mpd", "application/dash+xml", DASH),
}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("bomb", BOMBS)
def test_what_unpacks_without_end_is_refused_once_and_for_all(
    bomb: str, packing: str, site: Origin, work_dir: Path
) -> None:
    path, kind, beginning = BOMBS[bomb]
    site.pages[path] = (kind, PACKED[packing](beginning + PADDING))
    site.encodings[path] = packing
    request = make_request(site.url(path), work_dir, allow=[site.host], total_seconds=60.0, stall_seconds=60.0)

    failure = supervisor.run(request, Recorder()).failure

    assert failure is not None
    assert (failure.code, failure.is_retryable) == (FailureCode.UNSUPPORTED_URL, False)
    assert "larger than 64 MiB" in failure.message


def test_a_list_of_endless_formats_is_refused_before_they_are_looked_at(site: Origin, work_dir: Path) -> None:
    variants = (
        f"#EXT-X-STREAM-INF:BANDWIDTH={1000 + number}\nv{number}.m3u8\n" for number in range(pages.MAX_FORMATS + 1)
    )
    site.pages["/many.m3u8"] = ("application/vnd.apple.mpegurl", b"#EXTM3U\n" + "".join(variants).encode())
    request = make_request(site.url("/many.m3u8"), work_dir, allow=[site.host], total_seconds=60.0, stall_seconds=60.0)

    failure = supervisor.run(request, Recorder()).failure

    assert failure is not None
    assert (failure.code, failure.is_retryable) == (FailureCode.UNSUPPORTED_URL, False)
    assert "more than 5000" in failure.message


DASH_BOMB = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT90000H"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" codecs="avc1.42c01e">{segments}'
    "</Representation></AdaptationSet></Period></MPD>"
)
REPEATS = '<SegmentTimeline><S t="0" d="1" r="2000000000"/></SegmentTimeline>'
ENDLESS = {
    "a DASH segment that is repeated": DASH_BOMB.format(
        segments=f'<SegmentTemplate media="$Number$.m4s" timescale="1">{REPEATS}</SegmentTemplate>'
    ),
    "a short DASH segment of a long film": DASH_BOMB.format(
        segments='<SegmentTemplate media="$Number$.m4s" timescale="1000000" duration="1"/>'
    ),
    "a smooth fragment that is repeated": (
        '<?xml version="1.0"?><SmoothStreamingMedia Duration="10"><StreamIndex Type="video" Url="{start time}">'
        '<QualityLevel FourCC="H264" Bitrate="1000"/><c d="1" r="2000000000"/></StreamIndex></SmoothStreamingMedia>'
    ),
}


@pytest.mark.parametrize("bomb", ENDLESS)
def test_a_line_that_stands_for_endless_segments_is_refused(bomb: str, site: Origin, work_dir: Path) -> None:
    """yt-dlp would make a list of them all, until the memory ends."""
    site.pages["/bomb.xml"] = ("application/xml", ENDLESS[bomb].encode())
    request = make_request(site.url("/bomb.xml"), work_dir, allow=[site.host], total_seconds=60.0, stall_seconds=60.0)

    failure = supervisor.run(request, Recorder()).failure

    assert failure is not None
    assert (failure.code, failure.is_retryable) == (FailureCode.UNSUPPORTED_URL, False)
    assert "more than 500000 segments" in failure.message
