"""gunicorn's worker with threads, made safe against clients that stop sending or do not hang up.

As it is, headers that stop coming hold a thread for ever, a body that nobody reads holds one for 5 seconds, and each
connection that the client does not close stops the whole process for 2 seconds. What it cannot read as a request at
all it answers with a page; here such errors, too, look like all others.
"""

import json
import socket
import struct
import time
import uuid
from contextlib import suppress
from typing import Any

from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from downloader_project import headers, settings

DRAIN_PAUSE_SECONDS = 0.5  # a client that is silent for longer is not sending the rest of its body
DRAIN_SECONDS = 5
DRAIN_BYTES = 4 * settings.MIB
DRAIN_BLOCK_BYTES = 64 * settings.KIB
UNSENT_BYTES = 128 * settings.KIB
REFUSALS = {
    LimitRequestLine: (414, "URI Too Long", "The address is too long."),
    LimitRequestHeaders: (431, "Request Header Fields Too Large", "The headers are too many or too long."),
    ExpectationFailed: (417, "Expectation Failed", "The only expectation that can be met is 100-continue."),
    ParseException: (400, "Bad Request", "This is not a request that can be read."),
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker that waits for clients in its threads only, and never long."""

    def handle(self, conn: TConn) -> Any:
        """Serve one request; false when the connection is to be closed, which then takes no time."""
        _limit_silence(conn.sock)
        _notice_progress(conn.sock)
        goes_on = super().handle(conn)
        if not goes_on:
            _hang_up(conn.sock)
        return goes_on

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what could not be read as a request; gunicorn's own for whatever else went wrong."""
        refusal = next((told for kind, told in REFUSALS.items() if isinstance(exc, kind)), None)
        if refusal is None:
            super().handle_error(req, client, addr, exc)
            return
        status, reason, message = refusal
        self.log.warning("request refused: %s", type(exc).__name__)
        with suppress(OSError):  # it is gone, or takes nothing
            write_nonblock(client, _refusal(status, reason, message))


def _refusal(status: int, reason: str, message: str) -> bytes:
    request_id = uuid.uuid4().hex
    error = {"code": "BAD_REQUEST", "message": message, "request_id": request_id}
    body = json.dumps({"error": error})
    head = (
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {request_id}",
        *(f"{name}: {value}" for name, value in headers.bare().items()),
    )
    return "\r\n".join((*head, "", body)).encode("ascii")


def discard_body(request: Any, client: socket.socket) -> None:
    """Read what the application left of a request's body, so that the connection can be used again.

    When it does not come, the connection is made to end. Without reading, the client would lose the answer to a
    request that it is still sending.
    """
    before = client.gettimeout()
    client.settimeout(DRAIN_PAUSE_SECONDS)
    try:
        is_whole = _read_rest(request.body)
    except (OSError, ParseException):
        is_whole = False
    if is_whole:
        client.settimeout(before)
    else:
        _stop_reading(client)


def _read_rest(body: Any) -> bool:
    deadline = time.monotonic() + DRAIN_SECONDS
    left = DRAIN_BYTES
    while time.monotonic() < deadline and left > 0:
        data = body.read(DRAIN_BLOCK_BYTES)
        if not data:
            return True
        left -= len(data)
    return False


def _limit_silence(client: socket.socket) -> None:
    """For the request's head, which gunicorn reads with no timeout of Python's; the kernel's is still there."""
    timeout = struct.pack("ll", settings.CLIENT_TIMEOUT_SECONDS, 0)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)


def _notice_progress(client: socket.socket) -> None:
    """Have the kernel ask for more of an answer in small steps, so that a slow client does not look like a silent one.

    Otherwise a third of up to 4 MiB that wait in its buffer would have to leave within CLIENT_TIMEOUT_SECONDS.
    """
    if client.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def _hang_up(client: socket.socket) -> None:
    """Say that nothing more will be sent and give the client a moment to close, as RFC 9112 section 9.6 wants."""
    with suppress(OSError):  # it is gone, or silent
        client.shutdown(socket.SHUT_WR)
        client.settimeout(DRAIN_PAUSE_SECONDS)
        client.recv(DRAIN_BLOCK_BYTES)
    _stop_reading(client)


def _stop_reading(client: socket.socket) -> None:
    """Whoever reads from the connection now finds its end at once."""
    with suppress(OSError):  # it is closed already
        client.shutdown(socket.SHUT_RD)
