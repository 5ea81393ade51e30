"""Every way to spell an address that nobody may reach, over every way to connect that a child has.

One child a way tries all spellings; each is a case of its own.
"""

import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs.engine.confinement import Confinement
from jobs.engine.inputs import NETWORK_INPUT
from tests.attacks.conftest import Trap
from tests.jobs.engine.attempts import make_request
from tests.jobs.engine.children import confined
from tests.origin import media
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_engine")]

FORBIDDEN = {
    "loopback": "127.0.0.1",
    "another address of loopback": "127.0.0.3",
    "the end of loopback": "127.255.255.254",
    "this host": "0.0.0.0",
    "a private network of class A": "10.0.0.1",
    "a private network of class B": "172.16.0.1",
    "a private network of class C": "192.168.1.1",
    "carriers' NAT": "100.64.0.1",
    "link-local": "169.254.1.1",
    "the metadata service of most clouds": "169.254.169.254",
    "the metadata service of Alibaba": "100.100.100.200",
    "the metadata service of Oracle": "192.0.0.192",
    "the host of Azure": "168.63.129.16",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "benchmarks": "198.18.0.1",
    "documentation": "203.0.113.5",
    "loopback in decimal": "2130706433",
    "loopback in hex": "0x7f000001",
    "loopback in hex with dots": "0x7f.0.0.1",
    "loopback in octal": "0177.0.0.1",
    "loopback in short": "127.1",
    "loopback in wide digits": "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}\N{FULLWIDTH DIGIT SEVEN}.0.0.1",
    "loopback with wide dots": "127\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}1",
    "the metadata service in decimal": "2852039166",
    "the metadata service in hex": "0xa9fea9fe",
    "the metadata service in octal": "0251.0376.0251.0376",
    "loopback of IPv6": "[::1]",
    "the unspecified address of IPv6": "[::]",
    "loopback mapped into IPv6": "[::ffff:127.0.0.1]",
    "loopback mapped into IPv6 in hex": "[::ffff:7f00:1]",
    "loopback compatible with IPv6": "[::127.0.0.1]",
    "loopback behind NAT64": "[64:ff9b::7f00:1]",
    "loopback behind a local NAT64": "[64:ff9b:1::7f00:1]",
    "loopback behind 6to4": "[2002:7f00:1::]",
    "loopback behind Teredo": "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "the metadata service mapped into IPv6": "[::ffff:169.254.169.254]",
    "the metadata service behind NAT64": "[64:ff9b::a9fe:a9fe]",
    "the metadata service of Amazon over IPv6": "[fd00:ec2::254]",
    "unique local": "[fd00::1]",
    "link-local of IPv6": "[fe80::1]",
    "site-local of IPv6": "[fec0::1]",
    "multicast of IPv6": "[ff02::1]",
    "documentation of IPv6": "[2001:db8::1]",
    "localhost": "localhost",
    "localhost in capitals": "LOCALHOST",
    "localhost with a dot": "localhost.",
    "a name that stands for loopback": "inner.attack.example",
    "a name that stands for the metadata service": "metadata.attack.example",
    "a name that stands for loopback mapped into IPv6": "mapped.attack.example",
    "a name that stands for a good address the first time": "rebinding.attack.example",
}
NAMES = {
    "localhost": ["127.0.0.1"],  # not every machine knows it with a dot
    "inner.attack.example": ["127.0.0.1"],
    "metadata.attack.example": ["169.254.169.254"],
    "mapped.attack.example": ["::ffff:127.0.0.1"],
}


Ask = Callable[[str], int]


def yt_dlp(handler: str) -> Ask:
    """yt-dlp with only one of its ways to fetch."""
    import yt_dlp
    from yt_dlp.networking import Request
    from yt_dlp.networking.exceptions import HTTPError

    director = yt_dlp.YoutubeDL({"quiet": True, "proxy": ""})._request_director
    director.handlers = {handler: director.handlers[handler]}
    scheme = "ws" if handler == "Websockets" else "http"

    def ask(url: str) -> int:
        try:
            return int(director.send(Request(url.replace("http", scheme, 1), extensions={"timeout": 5.0})).status)
        except HTTPError as error:  # the origin takes a WebSocket's handshake for any request
            return int(error.status)

    return ask


def ffmpeg() -> Ask:
    def ask(url: str) -> int:
        options = ["-nostdin", "-v", "error", "-rw_timeout", "3000000", *NETWORK_INPUT]
        command = [str(media.tools().ffmpeg), *options, "-i", url, "-t", "0.1", "-f", "null", "-"]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
        return 200

    return ask


WAYS: dict[str, Callable[[], Ask]] = {
    "urllib": lambda: yt_dlp("Urllib"),
    "requests": lambda: yt_dlp("Requests"),
    "libcurl": lambda: yt_dlp("CurlCFFI"),
    "websockets": lambda: yt_dlp("Websockets"),
    "ffmpeg": ffmpeg,
}
# What does not even get to ask: no such host for ffmpeg, and libcurl's own trouble with literals behind a proxy.
UNASKED = {("ffmpeg", name) for name, host in FORBIDDEN.items() if not host.isascii()} | {
    ("libcurl", name) for name, host in FORBIDDEN.items() if host.startswith("[")
}


class Resolver:
    """Names of the attacker's, some of which change their mind."""

    def __init__(self, good: str) -> None:
        self._good = good
        self._asked = 0
        self._real = socket.getaddrinfo

    def __call__(self, host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        addresses = NAMES.get(str(name).rstrip("."))
        if name == "rebinding.attack.example":
            self._asked += 1
            addresses = [self._good if self._asked % 2 else "127.0.0.1"]
        if addresses is None:
            return self._real(host, port, *arguments, **named)
        return [answer for address in addresses for answer in self._real(address, port, *arguments, **named)]


Sweep = dict[str, dict[str, list[Any]]]


@pytest.fixture(scope="module")
def port_trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


@pytest.fixture(scope="module")
def sweep(port_trap: Trap, tmp_path_factory: pytest.TempPathFactory, warm_engine: None) -> Sweep:
    """For each way and spelling: what came of it, and what the guard denied."""
    results: Sweep = {}
    with Origin(host="127.0.0.2") as site, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", Resolver("127.0.0.2"))
        for way, ask in WAYS.items():
            work_dir = tmp_path_factory.mktemp(way) / "req"
            work_dir.mkdir()
            request = make_request("http://a/", work_dir, allow=[site.host, f"127.0.0.2:{port_trap.port}"])
            results[way] = confined(request, lambda walls, ask=ask: try_all(ask(), walls, site, port_trap.port))
    return results


def try_all(ask: Ask, walls: Confinement, site: Origin, port: int) -> dict[str, list[Any]]:
    socket.getaddrinfo("rebinding.attack.example", port)  # as a check of the name would, which is content
    urls = {name: f"http://{host}:{port}/video.mp4" for name, host in FORBIDDEN.items()}
    found = {}
    for name, url in {"allowed": site.url("video.mp4"), **urls}.items():
        walls.sockets.denials.clear()
        try:
            came = str(ask(url))
        except Exception as error:  # noqa: BLE001 - the answer
            came = f"{type(error).__name__}: {error}"
        found[name] = [came, list(walls.sockets.denials)]
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_allowed_address_is_reached_over(way: str, sweep: Sweep) -> None:
    came, denials = sweep[way]["allowed"]

    assert came == "200"
    assert not denials


@pytest.mark.parametrize("spelling", FORBIDDEN)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_reached_over(way: str, spelling: str, sweep: Sweep, port_trap: Trap) -> None:
    came, denials = sweep[way][spelling]

    assert not port_trap.was_sprung()
    assert came not in ("200", "101", "206")
    assert denials or (way, spelling) in UNASKED, came
