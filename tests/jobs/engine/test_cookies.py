"""Whom a cookie reaches, and where it can be seen: real downloads, and what the origin really received."""

import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from yt_dlp.networking.impersonate import ImpersonateTarget

from accounts.netscape import HEADER, by_key
from jobs.engine import options, supervisor
from jobs.engine.contract import EgressPolicy, LogLine, Outcome, Progress, Stop
from jobs.engine.cookies import Jar
from jobs.engine.egress import SocketGuard
from jobs.engine.proxy import Proxy, Throttle
from tests.cookie_lines import SECRET, line
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin.server import Origin

pytestmark = pytest.mark.slow

# B's name ends like A's: a comparison of mere endings takes it for a host below A.
A, B, BELOW_A = "films.example", "other-films.example", "www.films.example"
LENT = f"{HEADER}\n{line(domain=f'.{A}')}\n"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below .example is this machine's, here and in the children."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".example") else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


class Site:
    """One origin under several names."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def url(self, host: str, path: str) -> str:
        return f"http://{host}:{self.origin.port}{path}"

    def cookies(self, host: str) -> list[str | None]:
        """The Cookie header of each request that came for a host."""
        seen = [one.headers for one in self.origin.requests if one.headers["host"] == f"{host}:{self.origin.port}"]
        return [headers.get("cookie") for headers in seen]

    def only_a_got(self, cookie: str = f"sid={SECRET}") -> bool:
        return set(self.cookies(A)) == {cookie} and set(self.cookies(B)) == {None}


@pytest.fixture
def site(origin: Origin) -> Site:
    return Site(origin)


@pytest.fixture
def fetch(site: Site, tmp_path: Path) -> Callable[..., Outcome]:
    def run(url: str, *, lent: str | None = LENT, watcher: Any = None, **changes: Any) -> Outcome:
        request = make_request(url, tmp_path, allow=[site.origin.host], cookies=lent, **changes)
        return supervisor.run(request, watcher or Recorder())

    return run


def with_parameters(monkeypatch: pytest.MonkeyPatch, **parameters: Any) -> None:
    """Make yt-dlp take another way than it would by itself."""
    build = options.build
    monkeypatch.setattr(options, "build", lambda *given, **more: build(*given, **more) | parameters)


@pytest.fixture(params=["requests", "urllib", "curl"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the three libraries by which yt-dlp speaks HTTP."""
    if request.param == "urllib":
        with_parameters(monkeypatch, compat_opts=["prefer-legacy-http-handler"])
    if request.param == "curl":
        with_parameters(monkeypatch, impersonate=ImpersonateTarget())
    return str(request.param)


def used(way: str, site: Site) -> bool:
    """Whether the requests look as those of that library do."""
    is_curl = any("sec-ch-ua" in one.headers for one in site.origin.requests)
    return is_curl is (way == "curl")


def test_the_site_that_a_cookie_is_for_gets_it(way: str, site: Site, fetch: Callable[..., Outcome]) -> None:
    outcome = fetch(site.url(A, "/video.mp4"))

    assert outcome.result, outcome.failure
    assert set(site.cookies(A)) == {f"sid={SECRET}"}
    assert used(way, site)


def test_another_site_does_not_get_it(way: str, site: Site, fetch: Callable[..., Outcome]) -> None:
    assert fetch(site.url(B, "/video.mp4")).result

    assert set(site.cookies(B)) == {None}
    assert used(way, site)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_does_not_carry_it_along(code: int, site: Site, fetch: Callable[..., Outcome]) -> None:
    assert fetch(site.url(A, f"/redirect?code={code}&to={site.url(B, '/video.mp4')}")).result

    assert site.only_a_got()
    assert site.cookies(B)


def test_no_library_carries_it_along(way: str, site: Site, fetch: Callable[..., Outcome]) -> None:
    assert fetch(site.url(A, f"/redirect?to={site.url(B, '/video.mp4')}")).result

    assert site.only_a_got()
    assert site.cookies(B)
    assert used(way, site)


def test_a_redirect_leads_to_it(way: str, site: Site, fetch: Callable[..., Outcome]) -> None:
    assert fetch(site.url(B, f"/redirect?to={site.url(A, '/cookie/video.mp4')}"), lent=lent("session=open")).result

    assert site.only_a_got("session=open")
    assert used(way, site)


def lent(cookie: str = f"sid={SECRET}", **fields: str) -> str:
    """A jar with one cookie, for A alone unless `fields` say otherwise."""
    name, _, value = cookie.partition("=")
    return f"{HEADER}\n{line(**{'domain': A, 'below': 'FALSE', 'name': name, 'value': value} | fields)}\n"


def mixed_playlist(site: Site) -> str:
    """An HLS playlist on A, with segments here and there; its path."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-PLAYLIST-TYPE:VOD"]
    for number in range(4):
        host = (A, B)[number % 2]
        lines += ["#EXTINF:1.0,", site.url(host, f"/hls/muxed-{number}.ts")]
    content = "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()
    site.origin.pages["/mixed.m3u8"] = ("application/vnd.apple.mpegurl", content)
    return "/mixed.m3u8"


def test_segments_elsewhere_do_not_get_it(site: Site, fetch: Callable[..., Outcome]) -> None:
    outcome = fetch(site.url(A, mixed_playlist(site)))

    assert outcome.result, outcome.failure
    assert site.only_a_got()
    assert len(site.cookies(B)) == 2


@pytest.fixture
def through_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    with_parameters(monkeypatch, hls_prefer_native=False)


def by_ffmpeg(site: Site) -> bool:
    return any(
        "lavf" in one.headers.get("user-agent", "").lower() or "icy-metadata" in one.headers
        for one in site.origin.requests
    )


@pytest.mark.usefixtures("through_ffmpeg")
def test_ffmpeg_has_it_for_its_site_alone(site: Site, fetch: Callable[..., Outcome]) -> None:
    outcome = fetch(site.url(A, mixed_playlist(site)))

    assert outcome.result, outcome.failure
    assert by_ffmpeg(site)
    assert site.only_a_got()
    assert len(site.cookies(B)) == 2


@pytest.mark.usefixtures("through_ffmpeg")
def test_ffmpeg_does_not_carry_it_along_a_redirect(site: Site, fetch: Callable[..., Outcome]) -> None:
    playlist = site.url(A, f"/redirect?to={site.url(B, '/hls/muxed.m3u8')}")

    outcome = fetch(playlist)

    assert outcome.result, outcome.failure
    assert by_ffmpeg(site)
    assert site.only_a_got()


@pytest.mark.usefixtures("through_ffmpeg")
def test_ffmpeg_does_not_carry_along_what_the_site_sets(site: Site, fetch: Callable[..., Outcome]) -> None:
    path = mixed_playlist(site)

    outcome = fetch(site.url(A, f"/sets{path}?cookie=sid=renewed-{SECRET}"))

    assert outcome.result, outcome.failure
    assert by_ffmpeg(site)
    assert set(site.cookies(B)) == {None}


@pytest.mark.usefixtures("through_ffmpeg")
def test_what_a_site_sets_reaches_it_through_ffmpeg_too(site: Site, fetch: Callable[..., Outcome]) -> None:
    outcome = fetch(site.url(B, "/sets/hls/muxed.m3u8?cookie=film=f"))

    assert outcome.result, outcome.failure
    assert by_ffmpeg(site)
    assert {one.headers.get("cookie") for one in site.origin.requests if one.path.endswith(".ts")} == {"film=f"}


class Onlooker(Recorder):
    """Reads the command lines of all processes, as every user of the machine can, and what lies in the directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.programs: set[str] = set()
        self.seen: list[str] = []
        self._directory = directory

    def tick(self, progress: Progress | None, log: Sequence[LogLine]) -> Stop | None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                self._look_at(entry)
        self.seen += [str(path) for path in files_with(SECRET, self._directory)]
        return super().tick(progress, log)

    def _look_at(self, process: Path) -> None:
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            return
        self.programs.add(Path(command.partition(b"\0")[0].decode(errors="replace")).name)
        if SECRET.encode() in command:
            self.seen.append(repr(command))


def files_with(text: str, directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        try:
            if path.is_file() and text.encode() in path.read_bytes():
                yield path
        except OSError:
            continue


@pytest.mark.slow
@pytest.mark.usefixtures("through_ffmpeg")
def test_no_command_line_and_no_file_ever_holds_it(site: Site, fetch: Callable[..., Outcome], tmp_path: Path) -> None:
    slow = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-PLAYLIST-TYPE:VOD"]
    slow += ["#EXTINF:1.0,", site.url(A, "/slow/20000/hls/muxed-0.ts"), "#EXT-X-ENDLIST", ""]
    site.origin.pages["/slow.m3u8"] = ("application/vnd.apple.mpegurl", "\n".join(slow).encode())
    onlooker = Onlooker(tmp_path)

    outcome = fetch(site.url(A, "/slow.m3u8"), watcher=onlooker, write_info_json=True)

    assert outcome.result, outcome.failure
    assert any(name.startswith("ffmpeg") for name in onlooker.programs)
    assert set(site.cookies(A)) == {f"sid={SECRET}"}
    assert not onlooker.seen
    assert not list(files_with(SECRET, tmp_path))


def test_a_page_that_embeds_another_site_does_not_pass_it_on(site: Site, fetch: Callable[..., Outcome]) -> None:
    page = f'<html><title>A film</title><video src="{site.url(B, "/video.mp4")}"></video></html>'
    site.origin.pages["/members.html"] = ("text/html", page.encode())

    assert fetch(site.url(A, "/members.html")).result

    assert site.only_a_got()
    assert site.cookies(B)


@pytest.mark.parametrize(
    ("fields", "host", "sent"),
    [
        ({"domain": f".{A}", "below": "TRUE"}, BELOW_A, True),
        ({"domain": A, "below": "FALSE"}, BELOW_A, False),
        ({"domain": A, "below": "FALSE"}, A, True),
        ({"domain": BELOW_A, "below": "FALSE"}, A, False),
        ({"secure": "TRUE"}, A, False),
        ({"path": "/members"}, A, False),
        ({"expires": "1"}, A, False),
    ],
)
@pytest.mark.usefixtures("way")
def test_a_cookie_goes_no_further_than_its_line_says(
    site: Site, fetch: Callable[..., Outcome], fields: dict[str, str], host: str, sent: bool
) -> None:
    assert fetch(site.url(host, "/video.mp4"), lent=lent(**fields)).result

    assert set(site.cookies(host)) == {f"sid={SECRET}" if sent else None}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_hosts_without_a_domain_have_cookies_too(site: Site, fetch: Callable[..., Outcome], host: str) -> None:
    outcome = fetch(site.url(host, "/sets/video.mp4?cookie=sid=refreshed"), lent=lent(domain=host, below="FALSE"))

    assert outcome.result, outcome.failure
    assert site.cookies(host)[0] == f"sid={SECRET}"
    assert returned(outcome) == {(host, "sid"): "refreshed"}


def returned(outcome: Outcome) -> dict[tuple[str, str], str]:
    return {(one.domain, one.name): one.value for one in by_key(outcome.cookies or "").values()}


@pytest.mark.parametrize("path", ["/video.mp4", "/status/404"])
def test_what_the_site_changed_comes_back_from_good_and_bad_attempts_alike(
    way: str, site: Site, fetch: Callable[..., Outcome], path: str
) -> None:
    sets = f"cookie=sid=refreshed%3B%20Domain={A}%3B%20Path=/&cookie=more=m%3B%20Path=/"

    outcome = fetch(site.url(A, f"/sets{path}?{sets}"))

    assert returned(outcome) == {(f".{A}", "sid"): "refreshed", (A, "more"): "m"}
    assert used(way, site)


def test_nothing_of_other_sites_comes_back(site: Site, fetch: Callable[..., Outcome]) -> None:
    target = site.url(B, "/sets/video.mp4").replace(":", "%3A") + "%3Fcookie=planted=p%253B%2520Domain%3Dfilms.example"

    outcome = fetch(site.url(A, f"/redirect?to={target}%26cookie=own=o"))

    assert outcome.result, outcome.failure
    assert site.origin.received("/sets/video.mp4")
    assert returned(outcome) == {(f".{A}", "sid"): SECRET}


def test_without_cookies_nothing_comes_back(site: Site, fetch: Callable[..., Outcome]) -> None:
    outcome = fetch(site.url(A, "/sets/video.mp4?cookie=sid=x"), lent=None)

    assert outcome.cookies is None


def test_the_log_and_the_failure_do_not_show_it(site: Site, fetch: Callable[..., Outcome]) -> None:
    recorder = Recorder()

    outcome = fetch(site.url(A, f"/status/404/{SECRET}.mp4"), watcher=recorder)

    told = [one.text for one in (*recorder.log, *outcome.log)]
    assert outcome.failure
    assert any("[redacted].mp4" in text for text in told)
    assert SECRET not in " ".join([*told, repr(outcome), outcome.failure.detail, outcome.failure.message])


def test_no_info_dict_gets_what_was_lent() -> None:
    jar = Jar(LENT)

    assert jar.header_for(f"https://{A}/") == f"sid={SECRET}"
    assert jar.get_cookies_for_url(f"https://{A}/") == []


def test_a_jar_reads_and_writes_the_same() -> None:
    text = "\n".join(
        [HEADER, line(), line(domain="a.example", below="FALSE", secure="TRUE", expires="0", value=""), ""]
    )

    assert by_key(Jar(text).left()) == by_key(text)


# --- the proxy, which adds cookies to what ffmpeg asks for ---


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for A that this process trusts."""
    pair = tmp_path / "pair.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={A}"]
    command += ["-addext", f"subjectAltName=DNS:{A}", "-keyout", str(pair), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    with pair.open("a") as both:
        both.write((tmp_path / "cert.pem").read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    return pair


def secured(listener: socket.socket, certificate: Path) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context.wrap_socket(listener, server_side=True)


@pytest.fixture
def secure_origin(certified: Path) -> Iterator[Origin]:
    with Origin() as origin:
        origin._server.socket = secured(origin._server.socket, certified)
        yield origin


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    slow = Throttle(200_000_000, block_bytes=4096)  # so small that a TLS record is read in several steps
    proxy = Proxy(SocketGuard(policy=EgressPolicy(allow_private=True)), slow)
    proxy.cookies_for = Jar(LENT.replace("FALSE", "TRUE")).header_for  # sent over TLS only
    proxy.start()
    yield proxy
    proxy.close()


class Staying(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the answer."""

    def http_error_302(self, req: Any, fp: Any, *_: Any) -> Any:
        return fp


def asked(proxy: Proxy, url: str, **headers: str) -> bytes:
    """What a program that knows nothing of TLS gets from the proxy, headers included."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy.url}), Staying())
    with opener.open(urllib.request.Request(url, headers=headers), timeout=10) as response:
        return bytes(str(response.headers).encode() + response.read())


def test_the_proxy_adds_cookies_and_speaks_tls_for_a_program_that_must_not_have_them(
    proxy: Proxy, secure_origin: Origin
) -> None:
    url = proxy.through_tls(f"https://{A}:{secure_origin.port}/big.mp4?a=1")

    answer = asked(proxy, url)

    assert url.startswith("http://")
    assert len(answer) > 10_000_000
    [request] = secure_origin.requests
    assert (request.headers["cookie"], request.query) == (f"sid={SECRET}", "a=1")
    assert request.headers["host"] == f"{A}:{secure_origin.port}"


def test_the_proxy_keeps_what_the_site_sets_and_follows_its_redirects_to_tls(
    proxy: Proxy, secure_origin: Origin
) -> None:
    there = f"https://{A}:{secure_origin.port}"

    answer = asked(proxy, proxy.through_tls(f"{there}/sets/redirect?to={there}/video.mp4&cookie=sid=new"))

    assert b"Set-Cookie" not in answer
    assert f"Location: http://{A}:{secure_origin.port}/video.mp4".encode() in answer


def test_the_proxy_holds_nothing_back_while_a_site_pauses(proxy: Proxy, certified: Path) -> None:
    has_arrived = threading.Event()

    def answer_and_wait(listener: ssl.SSLSocket) -> None:
        with listener.accept()[0] as client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
            client.sendall(b"x" * 10_000)
            has_arrived.wait(20)

    with secured(socket.create_server(("127.0.0.1", 0)), certified) as listener:
        site = threading.Thread(target=answer_and_wait, args=(listener,))
        site.start()
        try:
            answer = asked(proxy, proxy.through_tls(f"https://{A}:{listener.getsockname()[1]}/"))
        finally:
            has_arrived.set()
            site.join()

    assert answer.endswith(b"x" * 10_000)


def test_the_proxy_trusts_no_other_certificate(proxy: Proxy, secure_origin: Origin) -> None:
    url = proxy.through_tls(f"https://{BELOW_A}:{secure_origin.port}/video.mp4")

    with pytest.raises(urllib.error.HTTPError, match="502"):
        asked(proxy, url)

    assert not secure_origin.requests


def test_the_proxy_adds_nothing_to_other_sites_and_to_cookies_that_are_there(proxy: Proxy, origin: Origin) -> None:
    proxy.cookies_for = Jar(LENT).header_for

    asked(proxy, f"http://{B}:{origin.port}/echo")
    asked(proxy, f"http://{A}:{origin.port}/echo", Cookie="own=1")
    asked(proxy, f"http://{A}:{origin.port}/echo")

    assert [one.headers.get("cookie") for one in origin.requests] == [None, "own=1", f"sid={SECRET}"]
