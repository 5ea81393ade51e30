"""The address policy, the connection that obeys it, and the proxy that ffmpeg and libcurl go through."""

import base64
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine import egress
from jobs.engine.contract import EgressPolicy
from jobs.engine.egress import EgressDenied, SocketGuard, is_allowed
from jobs.engine.proxy import Proxy
from tests.jobs.engine.conftest import ForbiddenPort
from tests.origin.server import Origin

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("::1", "fd00::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1"),
]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "192.0.0.192", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"),
    *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.5", "192.88.99.1"),
    *(
        "::",
        "ff02::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "2001:db8::1",
        "3fff::1",
        "2002:7f00:1::",
        "2002:808:808::",
    ),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b:1::7f00:1", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "5f00::1", "100::1"),
]
NO_LITERALS = ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "①27.0.0.1", "", " 8.8.8.8", "[::1]"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address, 443, EgressPolicy())


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_the_setting(address: str) -> None:
    assert not is_allowed(address, 443, EgressPolicy())
    assert is_allowed(address, 443, EgressPolicy(allow_private=True))


@pytest.mark.parametrize("address", [*NEVER, *NO_LITERALS])
def test_no_setting_opens_special_addresses_and_spellings(address: str) -> None:
    assert not is_allowed(address, 443, EgressPolicy())
    assert not is_allowed(address, 443, EgressPolicy(allow_private=True))


@pytest.mark.parametrize(
    ("entry", "address", "port", "expected"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", 8081, False),
        ("127.0.0.1:8080", "::ffff:127.0.0.1", 8080, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("10.1.0.0/16", "10.1.2.3", 80, True),
        ("10.1.0.0/16", "10.2.2.3", 80, False),
        ("fd12::/16", "fd12::1", 80, True),
        ("169.254.169.254", "169.254.169.254", 80, True),
    ],
)
def test_entries_open_exactly_what_they_name(entry: str, address: str, port: int, expected: bool) -> None:
    assert is_allowed(address, port, EgressPolicy(allow=(entry,))) is expected


@pytest.mark.parametrize("entry", ["example.org", "10.0.0.0/8:80", "localhost:80", "1.2.3.4:port"])
def test_a_malformed_entry_is_loud(entry: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        is_allowed("8.8.8.8", 80, EgressPolicy(allow=(entry,)))


@given(st.ip_addresses())
def test_nothing_that_ipaddress_calls_not_global_is_allowed(address: object) -> None:
    import ipaddress

    literal = ipaddress.ip_address(str(address))
    if is_allowed(str(address), 80, EgressPolicy()) and getattr(literal, "ipv4_mapped", None) is None:
        assert literal.is_global
        assert not literal.is_multicast


def test_open_connection_resolves_names_and_checks_what_they_stand_for(
    origin: Origin, forbidden: ForbiddenPort
) -> None:
    policy = EgressPolicy(allow=(origin.host,))

    with egress.open_connection("localhost", origin.port, policy, timeout_seconds=5) as connection:
        assert connection.getpeername() == ("127.0.0.1", origin.port)

    with pytest.raises(EgressDenied):
        egress.open_connection("localhost", int(forbidden.host.partition(":")[2]), policy, timeout_seconds=5)
    assert not forbidden.was_connected_to()


# --- the proxy ---


@pytest.fixture
def guard(origin: Origin) -> SocketGuard:
    return SocketGuard(policy=EgressPolicy(allow=(origin.host,)))


@pytest.fixture
def proxy(guard: SocketGuard) -> Iterator[Proxy]:
    running = Proxy(guard)
    running.start()
    yield running
    running.close()


def ask(proxy: Proxy, request: str, *, token: str | None = None) -> bytes:
    """The whole answer to a request, `{auth}` replaced with the proxy's credentials."""
    url = urlsplit(proxy.url)
    credentials = base64.b64encode(f"{url.username}:{token or url.password}".encode()).decode()
    assert url.hostname
    assert url.port
    with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
        connection.sendall(request.replace("{auth}", f"Proxy-Authorization: Basic {credentials}").encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_proxy_forwards_absolute_urls_and_keeps_its_token(proxy: Proxy, origin: Origin) -> None:
    answer = ask(proxy, f"GET {origin.url('echo?a=1')} HTTP/1.1\r\nHost: {origin.host}\r\nX-A: b\r\n{{auth}}\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")
    [received] = origin.received("/echo")
    assert received.query == "a=1"
    assert received.headers["x-a"] == "b"
    assert "proxy-authorization" not in received.headers


def test_the_proxy_tunnels(proxy: Proxy, origin: Origin) -> None:
    head = f"CONNECT {origin.host} HTTP/1.1\r\n{{auth}}\r\n\r\n"

    answer = ask(proxy, f"{head}GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")


def test_the_proxy_refuses_forbidden_addresses_and_remembers(
    proxy: Proxy, guard: SocketGuard, forbidden: ForbiddenPort
) -> None:
    port = forbidden.host.partition(":")[2]

    tunnelled = ask(proxy, f"CONNECT localhost:{port} HTTP/1.1\r\n{{auth}}\r\n\r\n")
    forwarded = ask(proxy, f"GET http://{forbidden.host}/ HTTP/1.1\r\n{{auth}}\r\n\r\n")

    assert tunnelled.startswith(b"HTTP/1.1 403 ")
    assert forwarded.startswith(b"HTTP/1.1 403 ")
    assert not forbidden.was_connected_to()
    assert guard.denials == [f"localhost port {port}", f"127.0.0.1 port {port}"]


@pytest.mark.parametrize("target", ["ftp://{host}/", "/echo", "http:///echo", "http://{host}:x/"])
def test_the_proxy_refuses_what_it_does_not_speak(target: str, proxy: Proxy, origin: Origin) -> None:
    answer = ask(proxy, f"GET {target.replace('{host}', origin.host)} HTTP/1.1\r\n{{auth}}\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert not origin.requests


def test_the_proxy_serves_nobody_without_its_token(proxy: Proxy, origin: Origin) -> None:
    request = f"GET {origin.url('echo')} HTTP/1.1\r\nHost: a\r\n"

    assert ask(proxy, f"{request}\r\n").startswith(b"HTTP/1.1 407 ")
    assert ask(proxy, f"{request}{{auth}}\r\n\r\n", token="guessed").startswith(b"HTTP/1.1 407 ")
    assert not origin.requests
