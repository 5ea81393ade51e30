"""What ffmpeg reaches where no kernel forbids it anything: the same as everywhere, only what the proxy asks for it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.engine import landlock, supervisor
from tests.attacks.conftest import ALLOWED_ADDRESS, Trap
from tests.attacks.test_egress_pages import DASH, HLS, TEMPLATE, m3u8, mpd, plant
from tests.jobs.engine.attempts import Recorder, make_request
from tests.jobs.engine.test_cookies import secured
from tests.origin.server import Origin

pytestmark = [pytest.mark.usefixtures("warm_engine", "_without_landlock"), pytest.mark.slow]

MAP = '#EXT-X-MAP:URI="{url}"'
KEY = '#EXT-X-KEY:METHOD=AES-128,URI="{url}",IV=0x00000000000000000000000000000000'
SCHEMES = ("httpproxy", "tcp", "crypto+httpproxy")
PLACES = {
    "init segment": ("/a.m3u8", HLS, m3u8(MAP, "#EXTINF:1.0,", "hls/muxed-0.ts")),
    "key": ("/a.m3u8", HLS, m3u8(KEY, "#EXTINF:1.0,", "hls/muxed-0.ts")),
    "segment": ("/a.m3u8", HLS, m3u8("#EXTINF:1.0,", "{url}/0.ts")),
    "DASH init segment": (
        "/a.mpd",
        DASH,
        mpd(TEMPLATE.replace("{init}", "{url}/i.mp4").replace("{media}", "$Number$.m4s")),
    ),
}


@pytest.fixture
def _without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)


@pytest.fixture
def secure_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """The allowed site over TLS, with a certificate that this process trusts."""
    pair, certificate = tmp_path / "pair.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=site"]
    command += ["-addext", f"subjectAltName=IP:{ALLOWED_ADDRESS}", "-keyout", str(pair), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    pair.write_text(pair.read_text() + certificate.read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Origin(host=ALLOWED_ADDRESS) as running:
        running._server.socket = secured(running._server.socket, pair)
        yield running


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_ffmpeg_reaches_nobody_past_the_proxy(
    scheme: str, place: str, site: Origin, trap: Trap, work_dir: Path
) -> None:
    path, kind, content = PLACES[place]
    url = plant(site, trap, path, kind, content.replace(b"{url}", f"{scheme}://{{evil}}/x".encode()))

    request = make_request(url, work_dir, allow=[site.host], clip_start=0.0, clip_end=0.5, total_seconds=10.0)
    outcome = supervisor.run(request, Recorder())

    assert outcome.result is None


def test_ffmpeg_still_fetches_what_a_list_names_over_tls(
    site: Origin, secure_site: Origin, trap: Trap, work_dir: Path
) -> None:
    segments = [f"https://{secure_site.host}/hls/muxed-{number}.ts" for number in range(2)]
    site.pages["/a.m3u8"] = (HLS, m3u8("#EXTINF:1.0,", segments[0], "#EXTINF:1.0,", segments[1]))

    allowed = [site.host, secure_site.host]
    request = make_request(site.url("a.m3u8"), work_dir, allow=allowed, clip_start=0.0, clip_end=1.5)
    outcome = supervisor.run(request, Recorder())

    assert outcome.result is not None, outcome.failure
    assert {one.path for one in secure_site.requests} >= {"/hls/muxed-0.ts"}


def test_ffmpeg_fetches_a_stream_of_an_allowed_site(site: Origin, trap: Trap, work_dir: Path) -> None:
    request = make_request(site.url("hls/muxed.m3u8"), work_dir, allow=[site.host], clip_start=0.0, clip_end=1.0)

    assert supervisor.run(request, Recorder()).result is not None
