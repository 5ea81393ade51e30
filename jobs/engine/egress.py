"""Which addresses may be connected to, and what enforces it: a check for Python's sockets, a proxy for everyone else's.

The policy judges the address that is really connected to, never a name: a name may resolve differently a moment later.
"""

import base64
import contextlib
import functools
import hmac
import ipaddress
import re
import secrets
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from urllib.parse import urlsplit

from jobs.engine.contract import EgressPolicy

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Neither `is_global` nor `is_private` will do: Python 3.11 calls multicast and site-local addresses global, and looks
# into no tunnel. Source: IANA's special-purpose address registries, and the clouds' own documentation.
_SPECIAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local, and the clouds' metadata service
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays into 6to4
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "100.100.100.200/32",  # Alibaba's metadata service
        "168.63.129.16/32",  # Azure's host
    )
)
_SPECIAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3ffe::/16",
        "3fff::/20",
        "fd00:ec2::254/128",  # Amazon's metadata service
    )
)
_PRIVATE = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carriers' NAT
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class EgressDenied(PermissionError):
    """A connection to an address that the policy forbids."""


def is_allowed(address: str, port: int, policy: EgressPolicy) -> bool:
    """Whether the policy lets a connection to this IP literal through. Never for names, or spellings only libc knows.

    `allow_private` opens private networks and loopback, but neither link-local, multicast, unspecified, reserved and
    tunnelled addresses nor the clouds' metadata services; those need an entry in `allow`. A NAT64 prefix of the
    operator's own is unknown here.
    Raises ValueError for an `allow` entry that is neither a CIDR block nor address:port.
    """
    literal = _parse(address)
    if literal is None:
        return False
    if any(literal in network and allowed_port in (None, port) for network, allowed_port in _allowances(policy.allow)):
        return True
    if any(literal in network for network in _PRIVATE):
        return policy.allow_private and not _is_special(literal)
    return not _is_special(literal)


def open_connection(host: str, port: int, policy: EgressPolicy, *, timeout_seconds: float) -> socket.socket:
    """Resolve once, and connect to the first address that the policy allows and that answers.

    Raises EgressDenied when an address was forbidden and no other answered, and OSError as
    `socket.create_connection` does.
    """
    denied: EgressDenied | None = None
    error = OSError(f"{host} has no address")
    for family, kind, protocol, _, target in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not is_allowed(str(target[0]), port, policy):
            denied = EgressDenied(f"egress denied: {target[0]} port {port}")
            continue
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(target)
        except OSError as refused:
            connection.close()
            error = refused
        else:
            return connection
    raise denied or error


def _parse(address: str) -> Address | None:
    try:
        literal = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return _unwrapped(literal)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that a mapped or a NAT64 address leads to. Other tunnels stay what they are, and are refused."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_special(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _SPECIAL_V4)
    if any(address in network for network in _SPECIAL_V6):
        return True
    return address not in _GLOBAL_V6 and not any(address in network for network in _PRIVATE)


@functools.lru_cache(maxsize=16)
def _allowances(entries: tuple[str, ...]) -> tuple[tuple[Network, int | None], ...]:
    return tuple(_allowance(entry) for entry in entries)


def _allowance(entry: str) -> tuple[Network, int | None]:
    single = re.fullmatch(r"\[(?P<v6>[^\]]+)\]:(?P<port6>\d+)|(?P<v4>[\d.]+):(?P<port4>\d+)", entry.strip())
    if single is None:
        return ipaddress.ip_network(entry.strip(), strict=False), None
    return ipaddress.ip_network(single["v6"] or single["v4"]), int(single["port6"] or single["port4"])


@dataclass(kw_only=True)
class SocketGuard:
    """Judges every connection that Python code makes, by audit events, and remembers what it refused."""

    policy: EgressPolicy
    on_denial: Callable[[str], None] | None = None
    denials: list[str] = field(default_factory=list)

    def checks(self) -> dict[str, Callable[[tuple[Any, ...]], None]]:
        """Checks by audit event, for an audit hook to call with the event's arguments."""
        return {
            "socket.connect": self._check_target,
            "socket.sendto": self._check_target,
            "socket.sendmsg": self._check_target,
        }

    def deny(self, host: object, port: object) -> EgressDenied:
        """Remember a refusal, and the error to raise for it."""
        target = f"{host} port {port}"
        self.denials.append(target)
        if self.on_denial is not None:
            self.on_denial(target)
        return EgressDenied(f"egress denied: {target}")

    def _check_target(self, arguments: tuple[Any, ...]) -> None:
        connection, target = arguments[0], arguments[1]
        if target is None:  # sendmsg on a socket that is connected already
            return
        is_internet = connection.family in (socket.AF_INET, socket.AF_INET6)
        if not is_internet or connection.type != socket.SOCK_STREAM:
            raise self.deny(f"a socket of family {connection.family}", "-")
        host, port = target[0], target[1]
        if not isinstance(host, str) or not is_allowed(host, port, self.policy):
            raise self.deny(host, port)


class Proxy:
    """A forward proxy on loopback for programs whose sockets Python cannot see: ffmpeg and libcurl.

    It serves CONNECT and absolute http: URLs, to those who know its token, one thread a connection. Its own connections
    pass the same guard as every other of this process.
    """

    _HEAD_BYTES = 65536
    _HEAD_SECONDS = 30
    _CONNECT_SECONDS = 20

    def __init__(self, guard: SocketGuard) -> None:
        """Listen at once; serve after `start`. Must be made before the guard is enforced."""
        self._guard = guard
        self._token = secrets.token_urlsafe(16)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def url(self) -> str:
        """The URL for `http_proxy` and its like, with the token."""
        return f"http://child:{self._token}@127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Serve in background threads, for as long as the process lives."""
        threading.Thread(target=self._accept, name="egress-proxy", daemon=True).start()

    def close(self) -> None:
        """Serve nobody new."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), name="egress-relay", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):  # a client that hangs up needs no answer
            client.settimeout(self._HEAD_SECONDS)
            try:
                self._relay_request(client)
            except EgressDenied:
                client.sendall(_answer("403 Forbidden"))
            except (OSError, ValueError):
                client.sendall(_answer("502 Bad Gateway"))

    def _relay_request(self, client: socket.socket) -> None:
        head, rest = self._read_head(client)
        request_line, *headers = head.split(b"\r\n")
        if not self._is_authorised(headers):
            client.sendall(_answer("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="egress"'))
            return
        method, target, version = request_line.split(b" ", 2)
        if method == b"CONNECT":
            host, _, port = target.decode("ascii").rpartition(":")
            with self._connect(host.strip("[]"), int(port)) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                server.sendall(rest)
                _relay(client, server)
            return
        url = urlsplit(target.decode("latin-1"))
        if url.scheme != "http" or not url.hostname:
            raise ValueError("only http: URLs can be asked for")
        with self._connect(url.hostname, url.port or 80) as server:
            path = url._replace(scheme="", netloc="", fragment="").geturl() or "/"
            kept = [line for line in headers if not line.lower().startswith((b"proxy-", b"connection:"))]
            lines = [b" ".join((method, path.encode("latin-1"), version)), *kept, b"Connection: close", b"", b""]
            server.sendall(b"\r\n".join(lines) + rest)
            _relay(client, server)

    def _read_head(self, client: socket.socket) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = client.recv(self._HEAD_BYTES)
            if not chunk or len(received) > self._HEAD_BYTES:
                raise ValueError("no request")
            received += chunk
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    def _is_authorised(self, headers: list[bytes]) -> bool:
        expected = b"Basic " + base64.b64encode(b"child:" + self._token.encode())
        fields = (line.partition(b":") for line in headers)
        given = [value.strip() for name, _, value in fields if name.strip().lower() == b"proxy-authorization"]
        return any(hmac.compare_digest(value, expected) for value in given)

    def _connect(self, host: str, port: int) -> socket.socket:
        try:
            return open_connection(host, port, self._guard.policy, timeout_seconds=self._CONNECT_SECONDS)
        except EgressDenied:
            raise self._guard.deny(host, port) from None


def _answer(status: str, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", "")
    return "\r\n".join(lines).encode("ascii")


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Copy both ways until either side is done. A silent connection is the supervisor's business, not ours."""
    client.settimeout(None)
    server.settimeout(None)
    other = {client: server, server: client}
    buffer = memoryview(bytearray(256 * 1024))
    while True:
        readable, _, _ = select.select(list(other), [], [])
        for source in readable:
            received = source.recv_into(buffer)
            if received == 0:
                return
            other[source].sendall(buffer[:received])
