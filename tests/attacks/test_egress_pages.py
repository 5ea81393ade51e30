"""Sites on an allowed address whose pages, lists and streams lead to one that is not. Real yt-dlp, real ffmpeg."""

from pathlib import Path
from typing import Any

import pytest

from jobs.engine import options, supervisor
from jobs.engine.contract import FailureCode, FileRole, Outcome
from tests.attacks.conftest import Trap
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin.server import Origin

pytestmark = [pytest.mark.usefixtures("warm_engine"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is tried again; here without a wait."""
    monkeypatch.setattr(options, "_retry_sleep", lambda n: 0.0)


def run(site: Origin, work_dir: Path, url: str, **wanted: Any) -> Outcome:
    wanted = {"total_seconds": 20.0, "stall_seconds": 10.0, **wanted}
    return supervisor.run(make_request(url, work_dir, allow=[site.host], **wanted), Recorder())


def m3u8(*lines: str) -> bytes:
    return "\n".join(("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:1", *lines, "#EXT-X-ENDLIST", "")).encode()


def page(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head><title>A film</title>{head}</head><body>{body}</body></html>".encode()


def mpd(representation: str, base: str = "") -> bytes:
    return f"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT1S"
mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-live:2011">{base}<Period><AdaptationSet
mimeType="video/mp4"><Representation id="1" bandwidth="1000" codecs="avc1.42c01e" width="320" height="180">
{representation}</Representation></AdaptationSet></Period></MPD>""".encode()


HLS, DASH, HTML = "application/vnd.apple.mpegurl", "application/dash+xml", "text/html"
SEGMENT = ("#EXTINF:1.0,", "http://{evil}/0.ts")
KEY = '#EXT-X-KEY:METHOD=AES-128,URI="http://{evil}/key",IV=0x00000000000000000000000000000000'
TEMPLATE = '<SegmentTemplate initialization="{init}" media="{media}" duration="1" startNumber="1"/>'
EVIL_STREAMS = {
    "an HLS segment": ("/a.m3u8", HLS, m3u8(*SEGMENT)),
    "an HLS segment without scheme": ("/a.m3u8", HLS, m3u8("#EXTINF:1.0,", "//{evil}/0.ts")),
    "an HLS key": ("/a.m3u8", HLS, m3u8(KEY, "#EXTINF:1.0,", "hls/muxed-0.ts")),
    "an HLS init segment": (
        "/a.m3u8",
        HLS,
        m3u8('#EXT-X-MAP:URI="http://{evil}/i.mp4"', "#EXTINF:1,", "hls/muxed-0.ts"),
    ),
    "an HLS byte range": ("/a.m3u8", HLS, m3u8("#EXTINF:1.0,", "#EXT-X-BYTERANGE:10@0", "http://{evil}/0.ts")),
    "an HLS discontinuity": (
        "/a.m3u8",
        HLS,
        m3u8("#EXTINF:1.0,", "hls/muxed-0.ts", "#EXT-X-DISCONTINUITY", "#EXTINF:1.0,", "http://{evil}/0.ts"),
    ),
    "an HLS variant": (
        "/a.m3u8",
        HLS,
        b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=320x180\nhttp://{evil}/v.m3u8\n",
    ),
    "an HLS sound track": (
        "/a.m3u8",
        HLS,
        b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="en",DEFAULT=YES,URI="http://{evil}/s.m3u8"\n'
        b'#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="s"\nhls/180.m3u8\n',
    ),
    "a DASH base": ("/a.mpd", DASH, mpd("<BaseURL>http://{evil}/film.mp4</BaseURL>")),
    "a DASH base of all": (
        "/a.mpd",
        DASH,
        mpd(
            TEMPLATE.replace("{init}", "i.mp4").replace("{media}", "$Number$.m4s"), "<BaseURL>http://{evil}/</BaseURL>"
        ),
    ),
    "a DASH init segment": (
        "/a.mpd",
        DASH,
        mpd(TEMPLATE.replace("{init}", "http://{evil}/i.mp4").replace("{media}", "$Number$.m4s")),
    ),
    "a DASH segment": (
        "/a.mpd",
        DASH,
        mpd(TEMPLATE.replace("{init}", "dash/init-stream0.m4s").replace("{media}", "http://{evil}/$Number$.m4s")),
    ),
    "a list of DASH segments": (
        "/a.mpd",
        DASH,
        mpd('<SegmentList duration="1"><SegmentURL media="http://{evil}/1.m4s"/></SegmentList>'),
    ),
    "a video element": ("/a.html", HTML, page('<video src="http://{evil}/a.mp4"></video>')),
    "a source element": ("/a.html", HTML, page('<video><source src="http://{evil}/a.mp4" type="video/mp4"></video>')),
    "a meta refresh": ("/a.html", HTML, page("", '<meta http-equiv="refresh" content="0; url=http://{evil}/a.mp4">')),
    "an Open Graph video": ("/a.html", HTML, page("", '<meta property="og:video" content="http://{evil}/a.mp4">')),
    "a Twitter player": (
        "/a.html",
        HTML,
        page("", '<meta name="twitter:player:stream" content="http://{evil}/a.mp4">'),
    ),
    "JSON-LD": (
        "/a.html",
        HTML,
        page(
            "",
            '<script type="application/ld+json">{"@context": "https://schema.org", "@type": "VideoObject", "name": "x",'
            ' "contentUrl": "http://{evil}/a.mp4"}</script>',
        ),
    ),
    "a JW player": (
        "/a.html",
        HTML,
        page('<script>jwplayer("x").setup({"file": "http://{evil}/a.mp4", "title": "x"});</script>'),
    ),
    "a video element in decimal": ("/a.html", HTML, page('<video src="http://2130706433:{port}/a.mp4"></video>')),
    "a video element of IPv6": ("/a.html", HTML, page('<video src="http://[::1]:{port}/a.mp4"></video>')),
    "the metadata service of a cloud": (
        "/a.html",
        HTML,
        page('<video src="http://169.254.169.254/latest/meta-data/iam/a.mp4"></video>'),
    ),
    "a feed's enclosure": (
        "/a.xml",
        "application/rss+xml",
        b'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title><item><title>y</title>'
        b'<enclosure url="http://{evil}/a.mp4" type="video/mp4"/></item></channel></rss>',
    ),
    "an XSPF list": (
        "/a.xspf",
        "application/xspf+xml",
        b'<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><title>x</title>'
        b"<location>http://{evil}/a.mp4</location></track></trackList></playlist>",
    ),
    "SMIL": (
        "/a.smil",
        "application/smil+xml",
        b'<smil xmlns="http://www.w3.org/ns/SMIL"><body><video src="http://{evil}/a.mp4"/></body></smil>',
    ),
    "a stream over FTP": ("/a.html", HTML, page('<video src="ftp://{evil}/a.mp4"></video>')),
    "a stream over WebSocket": ("/a.html", HTML, page('<video src="ws://{evil}/a.mp4"></video>')),
}


def plant(site: Origin, trap: Trap, path: str, kind: str, content: bytes) -> str:
    evil = f"127.0.0.1:{trap.port}"
    site.pages[path] = (kind, content.replace(b"{evil}", evil.encode()).replace(b"{port}", str(trap.port).encode()))
    return site.url(path)


@pytest.mark.parametrize("way", ["yt-dlp", "ffmpeg"])
@pytest.mark.parametrize("lure", EVIL_STREAMS)
def test_nobody_follows(lure: str, way: str, site: Origin, trap: Trap, work_dir: Path) -> None:
    """A clip makes yt-dlp leave the stream to ffmpeg, where that is possible."""
    url = plant(site, trap, *EVIL_STREAMS[lure])
    wanted = {"clip_start": 0.0, "clip_end": 0.5} if way == "ffmpeg" else {}

    outcome = run(site, work_dir, url, **wanted)

    assert outcome.failure is not None, outcome
    is_left_to_ffmpeg = way == "ffmpeg" and lure == "a stream over FTP"  # which is told what it may not fetch
    assert outcome.failure.code is (FailureCode.UNSUPPORTED_URL if is_left_to_ffmpeg else FailureCode.BLOCKED_ADDRESS)


@pytest.mark.parametrize("scheme", ["rtmp", "rtmps", "rtsp", "mms", "srt", "udp", "rtp"])
def test_no_stream_of_another_protocol_is_opened(scheme: str, site: Origin, trap: Trap, work_dir: Path) -> None:
    url = plant(site, trap, "/a.html", HTML, page(f'<video src="{scheme}://{{evil}}/a.mp4"></video>'))

    assert run(site, work_dir, url).result is None


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(code: int, site: Origin, trap: Trap, work_dir: Path) -> None:
    outcome = run(site, work_dir, site.url(f"redirect?code={code}&to=http://127.0.0.1:{trap.port}/a.mp4"))

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS


def test_a_redirect_of_a_segment_is_not_followed_by_ffmpeg(site: Origin, trap: Trap, work_dir: Path) -> None:
    away = site.url(f"redirect?to=http://127.0.0.1:{trap.port}/0.ts")
    site.pages["/a.m3u8"] = (HLS, m3u8("#EXTINF:1.0,", away))

    outcome = run(site, work_dir, site.url("a.m3u8"), clip_start=0.0, clip_end=0.5)

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "concat:/etc/passwd|/etc/hosts",
        "data:video/mp4;base64,AAAA",
        "gopher://127.0.0.1:{port}/_x",
        "ftp://127.0.0.1:{port}/a.mp4",
        "rtmp://127.0.0.1:{port}/live/a",
        "rtsp://127.0.0.1:{port}/a",
        "tcp://127.0.0.1:{port}",
        "unix:///run/docker.sock",
        "subfile,,start,0,end,9,,:/etc/passwd",
    ],
    ids=lambda url: url.partition(":")[0].partition(",")[0],
)
def test_no_link_of_another_scheme_is_followed(url: str, site: Origin, trap: Trap, work_dir: Path) -> None:
    """The web refuses such links already; here is what happens behind it."""
    outcome = run(site, work_dir, url.replace("{port}", str(trap.port)))

    assert outcome.result is None
    assert not any(b"root:" in path.read_bytes() for path in work_dir.iterdir())


@pytest.mark.parametrize(
    "lure",
    [
        '<video poster="http://{evil}/t.jpg"><source src="{film}" type="video/mp4"></video>',
        '<video><source src="{film}" type="video/mp4"><track kind="subtitles" srclang="en" src="http://{evil}/s.vtt"></video>',
    ],
    ids=["a thumbnail", "subtitles"],
)
def test_what_goes_with_a_film_is_left_out_where_it_is_forbidden(
    lure: str, site: Origin, trap: Trap, work_dir: Path
) -> None:
    url = plant(site, trap, "/a.html", HTML, page(lure.replace("{film}", site.url("video.mp4"))))

    outcome = run(site, work_dir, url, write_thumbnail=True, download_subtitles=True, embed_thumbnail=True)

    if outcome.result is None:
        assert outcome.failure is not None
        assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS
    else:
        assert [file.role for file in outcome.result.files] == [FileRole.MEDIA]


@pytest.mark.parametrize("path", ["video.mp4", "page.html", "hls/master.m3u8", "dash/manifest.mpd"])
def test_the_same_is_fetched_from_an_allowed_address(path: str, site: Origin, trap: Trap, work_dir: Path) -> None:
    outcome = run(site, work_dir, site.url(path), write_thumbnail=True, download_subtitles=True)

    assert outcome.result is not None, outcome


def test_a_stream_is_fetched_by_ffmpeg_from_an_allowed_address(site: Origin, trap: Trap, work_dir: Path) -> None:
    outcome = run(site, work_dir, site.url("hls/muxed.m3u8"), clip_start=0.0, clip_end=1.0)

    assert outcome.result is not None, outcome
