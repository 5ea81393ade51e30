"""A small site that serves the media of `media` and misbehaves on request. By hand: `python -m tests.origin.server`.

Behaviours are prefixes of a path and can be combined, as in `/flaky/2/slow/50000/video.mp4`:

    /slow/<bytes a second>/…  throttled            /stall/…      half of it, then nothing until the server closes
    /status/<code>[/…]        this status          /flaky/<n>/…  500 for the first n requests, then good
    /nolength/…               chunked, no length   /lies/…       declares the whole, sends half, hangs up
    /huge/…                   declares 1 TiB       /norange/…    ignores Range
    /reset/…                  half, then a reset   /times/<n>/<behaviour>/…  so for the first n requests, then good
    /redirect?to=…&code=…     a redirect           /cookie/…     403 without the cookie session=open
    /as/<type>/<subtype>/…    another Content-Type  /greet/…      sets the cookie session=open
    /echo                     the request's headers as JSON
    /sets/…?cookie=…          sets a cookie, as Set-Cookie says; may stand there more than once

Pages: `/page.html` (one video with a thumbnail), `/playlist.html` (three), `/feed.xml` (RSS, three entries),
`/chapters.html` (a long video with chapters). Feeds: see `feeds`: `/feeds/3.xml`, `/feeds/10000.xml`, ….
Live: `/live/stream.m3u8` (the newest segments) and `/live/event.m3u8` (all so far) grow from their first request on.
Files: see `media`: `/video.mp4`, `/long.mp4`, `/big.mp4`, `/hls/master.m3u8`, `/dash/manifest.mpd`, `/ladder/…`, ….
"""

import argparse
import contextlib
import json
import os
import socket
import socketserver
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.origin import media
from tests.origin.feeds import FEEDS
from tests.origin.live import LiveStream
from tests.origin.pages import PAGES
from tests.origin.resources import Resource, byte_range, of_bytes, of_file

HUGE_BYTES = 1 << 40
_PAGES = {**PAGES, **FEEDS, "/": ("text/plain; charset=utf-8", __doc__ or "")}


@dataclass(frozen=True)
class Received:
    """A request that came in. Header names are in lower case."""

    method: str
    path: str  # without the query
    query: str
    headers: Mapping[str, str]

    @property
    def range(self) -> str | None:
        """The Range header."""
        return self.headers.get("range")


@dataclass
class Transfer:
    """A file on its way: which bytes of it were written so far."""

    target: str  # path and query
    start: int
    sent_bytes: int = 0


@dataclass(frozen=True)
class _Behaviour:
    """How the answer differs from an honest one."""

    bytes_per_second: float | None = None
    stalls: bool = False
    hides_length: bool = False
    truncates: bool = False
    resets: bool = False
    is_huge: bool = False
    ignores_range: bool = False
    content_type: str | None = None
    sets_cookie: bool = False


class Origin:
    """The server, as a context manager. Each one has a port and a memory of its own; leaving it closes everything.

    `requests` lists what came in, `transfers` what went out; `pages` takes further content by path, as
    (content type, bytes), and `encodings` how that is packed.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, is_talkative: bool = False) -> None:
        self.requests: list[Received] = []
        self.transfers: list[Transfer] = []
        self.is_talkative = is_talkative
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.encodings: dict[str, str] = {}
        self.streams = {"/live/stream.m3u8": LiveStream(), "/live/event.m3u8": LiveStream(is_kept=True)}
        self.closing = threading.Event()
        self.failures: Counter[str] = Counter()
        self.lock = threading.Lock()
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="origin", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def note(self, request: Received) -> None:
        """Remember a request, and print it for a person who watches."""
        with self.lock:
            self.requests.append(request)
        if self.is_talkative:
            print(request.method, request.path, f"Range: {request.range}" if request.range else "", flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def host(self) -> str:
        """Address and port, as in a URL."""
        address, port = self._server.server_address[:2]
        return f"[{address!s}]:{port}" if ":" in str(address) else f"{address!s}:{port}"

    @property
    def port(self) -> int:
        """The port, chosen by the system unless given."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/") -> str:
        """The full address of a path."""
        return f"http://{self.host}/{path.lstrip('/')}"

    def received(self, path: str) -> list[Received]:
        """The requests for a path so far."""
        return [request for request in list(self.requests) if request.path == path]

    def close(self) -> None:
        """Stop, hanging up on stalled and slow transfers. May be called twice."""
        self.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def wait(self) -> None:
        """Until closed."""
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them, and no socket is left to the garbage collector
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], origin: Origin) -> None:
        self.origin = origin
        self._open: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's, which asks the resolver for this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.origin.lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.origin.lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self.origin.lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "TestOrigin"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server
    _cookies: list[str] = []  # of the answer that is about to be sent

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.origin.note(Received(self.command, parts.path, parts.query, headers))
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            self._route(unquote(parts.path), _Behaviour())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        """The body is read and dropped."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _route(self, path: str, behaviour: _Behaviour) -> None:
        name, _, rest = path.lstrip("/").partition("/")
        if name in _PREFIXES:
            self._route(rest, _PREFIXES[name](behaviour))
        elif name in _ROUTES:
            _ROUTES[name](self, rest, behaviour)
        else:
            self._serve(path, behaviour)

    def _slow(self, rest: str, behaviour: _Behaviour) -> None:
        rate, _, path = rest.partition("/")
        self._route(path, replace(behaviour, bytes_per_second=float(rate)))

    def _sets(self, rest: str, behaviour: _Behaviour) -> None:
        self._cookies = parse_qs(urlsplit(self.path).query).get("cookie", [])
        self._route(rest, behaviour)

    def send_response(self, code: int, message: str | None = None) -> None:
        """With the cookies that `/sets/` asks for, whatever the answer is."""
        super().send_response(code, message)
        for cookie in self._cookies:
            self.send_header("Set-Cookie", cookie)
        self._cookies = []

    def _as_type(self, rest: str, behaviour: _Behaviour) -> None:
        kind, subtype, path = rest.split("/", 2)
        self._route(path, replace(behaviour, content_type=f"{kind}/{subtype}"))

    def _status(self, rest: str, behaviour: _Behaviour) -> None:
        self._fail(int(rest.partition("/")[0]))

    def _flaky(self, rest: str, behaviour: _Behaviour) -> None:
        times, _, path = rest.partition("/")
        if self._is_among_first(int(times)):
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            self._route(path, behaviour)

    def _times(self, rest: str, behaviour: _Behaviour) -> None:
        times, name, path = rest.split("/", 2)
        self._route(path, _PREFIXES[name](behaviour) if self._is_among_first(int(times)) else behaviour)

    def _is_among_first(self, times: int) -> bool:
        """Whether so many requests for this address have not come yet."""
        with self.server.origin.lock:
            failures = self.server.origin.failures
            is_failing = failures[self.path] < times
            failures[self.path] += is_failing
        return is_failing

    def _redirect(self, rest: str, behaviour: _Behaviour) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.send_response(int(query.get("code", ["302"])[0]))
        self.send_header("Location", query["to"][0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _cookie(self, rest: str, behaviour: _Behaviour) -> None:
        if "session=open" in self.headers.get("Cookie", ""):
            self._route(rest, behaviour)
        else:
            self._fail(HTTPStatus.FORBIDDEN)

    def _fail(self, status: int) -> None:
        content = f"{status}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self._write(content)

    def _serve(self, path: str, behaviour: _Behaviour) -> None:
        resource = self._find(path)
        if resource is None:
            self._fail(HTTPStatus.NOT_FOUND)
            return
        size = HUGE_BYTES if behaviour.is_huge else resource.size
        wanted = None if behaviour.ignores_range or behaviour.hides_length else self.headers.get("Range")
        span = byte_range(wanted, size) if self._range_holds(resource) else (0, size)
        if span is None:
            self._refuse_range(size)
            return
        self._send_head(resource, behaviour, span, size, is_partial=bool(wanted) and self._range_holds(resource))
        if self.command != "HEAD":
            self._send_body(resource, behaviour, span)

    def _find(self, path: str) -> Resource | None:
        if path.strip("/") == "echo":
            return of_bytes("application/json", json.dumps(dict(self.headers.items())).encode())
        path = "/" + path.lstrip("/")
        if path in self.server.origin.pages:
            return of_bytes(*self.server.origin.pages[path])
        if path in _PAGES:
            return of_bytes(_PAGES[path][0], _PAGES[path][1].replace("{host}", self.server.origin.host).encode())
        if path in self.server.origin.streams:
            return of_bytes("application/vnd.apple.mpegurl", self.server.origin.streams[path].playlist().encode())
        return of_file(path.lstrip("/"))

    def _range_holds(self, resource: Resource) -> bool:
        return self.headers.get("If-Range", resource.etag) == resource.etag

    def _refuse_range(self, size: int) -> None:
        self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_head(
        self, resource: Resource, behaviour: _Behaviour, span: tuple[int, int], size: int, *, is_partial: bool
    ) -> None:
        start, end = span
        self.send_response(HTTPStatus.PARTIAL_CONTENT if is_partial else HTTPStatus.OK)
        self.send_header("Content-Type", behaviour.content_type or resource.content_type)
        self.send_header("ETag", resource.etag)
        if encoding := self.server.origin.encodings.get(urlsplit(self.path).path):
            self.send_header("Content-Encoding", encoding)
        if behaviour.sets_cookie:
            self.send_header("Set-Cookie", "session=open; Path=/")
        if behaviour.hides_length:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(end - start))
        if not behaviour.ignores_range:
            self.send_header("Accept-Ranges", "bytes")
        if is_partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()

    def _send_body(self, resource: Resource, behaviour: _Behaviour, span: tuple[int, int]) -> None:
        """The lies: a body that is shorter than its length ends with the connection."""
        start, end = span[0], min(span[1], resource.size)
        is_cut = behaviour.stalls or behaviour.truncates or behaviour.resets
        if is_cut:
            end = start + (end - start) // 2
        transfer = Transfer(self.path, start)
        with self.server.origin.lock:
            self.server.origin.transfers.append(transfer)
        send = self._write_chunk if behaviour.hides_length else self._write

        def write(block: bytes) -> None:
            send(block)
            transfer.sent_bytes += len(block)

        for block in resource.blocks(start, end):
            self._write_paced(block, behaviour, write)
        if behaviour.stalls:
            self.wfile.flush()
            self.server.origin.closing.wait()
        if behaviour.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # at once: an orderly end would come before the reset
        if is_cut or behaviour.is_huge:
            self.close_connection = True
        elif behaviour.hides_length:
            self.wfile.write(b"0\r\n\r\n")

    def _write_paced(self, block: bytes, behaviour: _Behaviour, write: Callable[[bytes], None]) -> None:
        if behaviour.bytes_per_second is None:
            write(block)
            return
        step = max(1, min(len(block), int(behaviour.bytes_per_second / 20)))
        for offset in range(0, len(block), step):
            if self.server.origin.closing.wait(step / behaviour.bytes_per_second):
                raise ConnectionAbortedError
            write(block[offset : offset + step])

    def _write(self, block: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(block)

    def _write_chunk(self, block: bytes) -> None:
        self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")


_PREFIXES: Mapping[str, Callable[[_Behaviour], _Behaviour]] = {
    "stall": lambda behaviour: replace(behaviour, stalls=True),
    "nolength": lambda behaviour: replace(behaviour, hides_length=True),
    "reset": lambda behaviour: replace(behaviour, resets=True),
    "lies": lambda behaviour: replace(behaviour, truncates=True),
    "huge": lambda behaviour: replace(behaviour, is_huge=True),
    "norange": lambda behaviour: replace(behaviour, ignores_range=True),
    "greet": lambda behaviour: replace(behaviour, sets_cookie=True),
}
_ROUTES: Mapping[str, Callable[[_Handler, str, _Behaviour], None]] = {
    "slow": _Handler._slow,
    "as": _Handler._as_type,
    "status": _Handler._status,
    "flaky": _Handler._flaky,
    "times": _Handler._times,
    "redirect": _Handler._redirect,
    "cookie": _Handler._cookie,
    "sets": _Handler._sets,
}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve test media on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8099)
    arguments = parser.parse_args()
    with Origin(port=arguments.port, is_talkative=True) as origin, contextlib.suppress(KeyboardInterrupt):
        media.directory()
        print(f"Serving on {origin.url()}", flush=True)
        origin.wait()


if __name__ == "__main__":
    main()
