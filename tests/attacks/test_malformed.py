"""Pages and lists that are not what they claim to be. Real yt-dlp, which raises whatever it trips over."""

from pathlib import Path

import pytest

from jobs.engine import supervisor
from jobs.engine.contract import FailureCode
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin.server import Origin

pytestmark = pytest.mark.usefixtures("warm_engine")

HLS, DASH, HTML = "application/vnd.apple.mpegurl", "application/dash+xml", "text/html"
DASH_NAME = "urn:mpeg:dash:schema:mpd:2011"
NUMBERLESS = '<SegmentTemplate media="$Number$.m4s" timescale="0" duration="x" startNumber="y"/>'
MALFORMED = {
    "a range of letters": (HLS, "#EXT-X-BYTERANGE:abc@x\n#EXTINF:1,\nsegment.ts"),
    "a length of letters": (HLS, "#EXTINF:abc,\nsegment.ts"),
    "a number of letters": (HLS, "#EXT-X-MEDIA-SEQUENCE:abc\n#EXTINF:1,\nsegment.ts"),
    "a key without an address": (HLS, "#EXT-X-KEY:METHOD=AES-128\n#EXTINF:1,\nsegment.ts"),
    "a key's vector of letters": (HLS, '#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0xZZ\n#EXTINF:1,\nsegment.ts'),
    "a DASH list of nothing": (DASH, "<MPD><Period><AdaptationSet><Representation/></AdaptationSet></Period></MPD>"),
    "DASH segments without numbers": (
        DASH,
        f'<MPD xmlns="{DASH_NAME}" mediaPresentationDuration="PTxS"><Period><AdaptationSet mimeType="video/mp4">'
        f'{NUMBERLESS}<Representation id="1" bandwidth="x"/></AdaptationSet></Period></MPD>',
    ),
    "structured data of other types": (
        HTML,
        '<script type="application/ld+json">{"@context": "http://schema.org", "@type": "VideoObject", '
        '"contentUrl": ["a"], "duration": {"x": 1}, "name": [1], "uploadDate": 5}</script>',
    ),
    "structured data without end": (HTML, f'<script type="application/ld+json">{"[" * 20_000}{"]" * 20_000}</script>'),
}
AROUND = {
    HLS: ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n", "\n#EXT-X-ENDLIST\n"),
    DASH: ('<?xml version="1.0"?>', ""),
    HTML: ("<html>", "</html>"),
}
ENDINGS = {HLS: ".m3u8", DASH: ".mpd", HTML: ".html"}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_makes_no_sense_is_the_sites_fault_and_not_tried_again(case: str, site: Origin, work_dir: Path) -> None:
    kind, text = MALFORMED[case]
    begin, end = AROUND[kind]
    site.pages[path := f"/malformed{ENDINGS[kind]}"] = (kind, f"{begin}{text}{end}".encode())
    site.pages["/key"] = ("application/octet-stream", bytes(16))

    failure = supervisor.run(make_request(site.url(path), work_dir, allow=[site.host]), Recorder()).failure

    assert failure is not None
    assert (failure.code, failure.is_retryable) == (FailureCode.UNSUPPORTED_URL, False)


def test_a_list_of_nothing_is_no_fault_of_the_service(site: Origin, work_dir: Path) -> None:
    site.pages["/empty.m3u8"] = (HLS, b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n")

    failure = supervisor.run(make_request(site.url("/empty.m3u8"), work_dir, allow=[site.host]), Recorder()).failure

    assert failure is not None
    assert failure.code is FailureCode.POST_PROCESSING


@pytest.mark.parametrize("ending", ["html", "php", "sh"])
def test_a_film_that_is_named_like_a_program_is_no_fault_of_the_service(
    ending: str, site: Origin, work_dir: Path
) -> None:
    site.pages[path := f"/film.{ending}"] = ("video/mp4", b"abc")

    failure = supervisor.run(make_request(site.url(path), work_dir, allow=[site.host]), Recorder()).failure

    assert failure is not None
    assert (failure.code, failure.is_retryable) == (FailureCode.UNSUPPORTED_URL, False)
