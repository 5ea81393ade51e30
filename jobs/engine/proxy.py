"""A forward proxy on loopback for programs whose sockets Python cannot see: ffmpeg and libcurl."""

import base64
import contextlib
import functools
import hmac
import re
import secrets
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import certifi

from jobs.engine.egress import EgressDenied, SocketGuard, open_connection

_ENCRYPTED_LINK = re.compile(rb"https://[^\s\"'<>,]+")
_LISTS = (b"#EXTM3U", b"<?xml", b"<MPD", b"\xef\xbb\xbf")
_LONGEST_LIST_BYTES = 16 * 1024 * 1024


class Throttle:
    """Slows all who share it down to so many bytes a second together."""

    def __init__(self, bytes_per_second: int, *, block_bytes: int) -> None:
        """`block_bytes`: how much may be taken at once, which bounds a single wait."""
        self.block_bytes = block_bytes
        self._bytes_per_second = bytes_per_second
        self._free_at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, count: int) -> None:
        """Return when that many more bytes fit into the rate."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + count / self._bytes_per_second
            delay = self._free_at - time.monotonic()
        time.sleep(max(delay, 0))


class Proxy:
    """It serves CONNECT and absolute http: URLs, to those who know its token, one thread a connection.

    Its own connections pass the same guard as every other of this process. A request without cookies gets those of
    `cookies_for` its URL: so ffmpeg need not have any, which it would show to all users of the machine and send to the
    wrong hosts.

    With `unwraps_tls`, what it asks for without TLS is all that ffmpeg needs: lists that it fetches name `https:` links
    as `through_tls` gives them.
    """

    _HEAD_BYTES = 65536
    _HEAD_SECONDS = 30
    _CONNECT_SECONDS = 20

    def __init__(self, guard: SocketGuard, throttle: Throttle | None = None) -> None:
        """Listen at once; serve after `start`. Must be made before the guard is enforced."""
        self._guard = guard
        self._throttle = throttle
        self._token = secrets.token_urlsafe(16)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._encrypted: set[tuple[str, int]] = set()
        self.cookies_for: Callable[[str], str] = lambda _url: ""
        self.unwraps_tls = False

    def through_tls(self, url: str) -> str:
        """The http: URL at which this proxy serves what is at an https: one, and so can add cookies to the request."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        self._encrypted.add((host, port))
        return parts._replace(scheme="http", netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}").geturl()

    @property
    def url(self) -> str:
        """The URL for `http_proxy` and its like, with the token."""
        return f"http://child:{self._token}@127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

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
                _relay(client, server, self._throttle)
            return
        url = urlsplit(target.decode("latin-1"))
        if url.scheme != "http" or not url.hostname:
            raise ValueError("only http: URLs can be asked for")
        with self._open(url) as server:
            path = url._replace(scheme="", netloc="", fragment="").geturl() or "/"
            kept = [line for line in headers if not line.lower().startswith((b"proxy-", b"connection:"))]
            kept, has_ours = self._with_cookies(url, kept)
            version = b"HTTP/1.0" if self.unwraps_tls else version  # in which answers come whole, and not in chunks
            lines = [b" ".join((method, path.encode("latin-1"), version)), *kept, b"Connection: close", b"", b""]
            server.sendall(b"\r\n".join(lines) + rest)
            if has_ours or self.unwraps_tls:
                client.sendall(self._answer_of(server))
            _relay(client, server, self._throttle)

    def _open(self, url: SplitResult) -> socket.socket:
        host, port = url.hostname or "", url.port or 80
        connection = self._connect(host, port)
        if (host, port) not in self._encrypted:
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())  # as yt-dlp does; a small image has none of its own
        return context

    def _with_cookies(self, url: SplitResult, headers: list[bytes]) -> tuple[list[bytes], bool]:
        """The headers as the site gets them, and whether there are cookies of ours among them."""
        real = url
        if (url.hostname, url.port) in self._encrypted:
            real = url._replace(scheme="https", netloc=url.netloc.removesuffix(":443"))
            headers = [line for line in headers if not line.lower().startswith(b"host:")]
            headers.append(b"Host: " + real.netloc.encode("latin-1"))
        if any(line.lower().startswith(b"cookie:") for line in headers):
            return headers, False
        cookies = self.cookies_for(real.geturl())
        return ([*headers, b"Cookie: " + cookies.encode("latin-1")], True) if cookies else (headers, False)

    def _answer_of(self, server: socket.socket) -> bytes:
        """The beginning of an answer as ffmpeg gets it; all of a list."""
        head, rest = self._read_head(server)
        if not self.unwraps_tls:
            return self._without_cookies(head, rest)
        while rest == b"" and (received := server.recv(self._HEAD_BYTES)):
            rest += received
        if not rest.lstrip().startswith(_LISTS):
            return self._without_cookies(head, rest)
        while received := server.recv(self._HEAD_BYTES):
            rest += received
            if len(rest) > _LONGEST_LIST_BYTES:
                raise ValueError("a list without end")
        rest = _ENCRYPTED_LINK.sub(self._unwrapped, rest)
        first, *lines = head.split(b"\r\n")
        lines = [line for line in lines if not line.lower().startswith((b"content-length:", b"content-range:"))]
        lines = [first.replace(b" 206 ", b" 200 ", 1), *lines, b"Content-Length: %d" % len(rest)]
        return self._without_cookies(b"\r\n".join(lines), rest)

    def _unwrapped(self, link: re.Match[bytes]) -> bytes:
        try:
            return self.through_tls(link[0].decode("latin-1")).encode("latin-1")
        except ValueError:  # no link after all
            return link[0]

    def _without_cookies(self, head: bytes, rest: bytes) -> bytes:
        """The beginning of an answer. ffmpeg would send cookies that it is given to any host whose name ends alike."""
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"set-cookie:")]
        for number, line in enumerate(lines):
            name, _, value = line.partition(b":")
            target = value.strip().decode("latin-1")
            if name.lower() != b"location" or not target.startswith("https://"):
                continue
            if self.unwraps_tls or self.cookies_for(target):
                lines[number] = b"Location: " + self.through_tls(target).encode("latin-1")
        return b"\r\n".join([*lines, b"", rest])

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


def _relay(client: socket.socket, server: socket.socket, throttle: Throttle | None) -> None:
    """Copy both ways until either side is done. A silent connection is the supervisor's business, not ours."""
    client.settimeout(None)
    server.settimeout(None)
    other = {client: server, server: client}
    buffer = memoryview(bytearray(throttle.block_bytes if throttle else 256 * 1024))
    while True:
        # What has been deciphered already, no select sees.
        waiting = [one for one in other if isinstance(one, ssl.SSLSocket) and one.pending()]
        readable = waiting or select.select(list(other), [], [])[0]
        for source in readable:
            received = source.recv_into(buffer)
            if received == 0:
                return
            if throttle is not None and source is server:
                throttle.wait(received)
            other[source].sendall(buffer[:received])
