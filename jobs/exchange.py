"""One HTTP exchange with an address that a stranger chose: bounded in time, to allowed addresses only. Loads no Django.

No redirects, no cookies, no proxies from the environment: of `http.client` only the reading and writing of messages is
used, on a connection that is opened here. Resolving a name takes what the system's resolver takes, which cannot be
interrupted. How much of an answer is read is the caller's part.
"""

import contextlib
import functools
import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlsplit

import certifi

from jobs.engine import egress
from jobs.engine.contract import EgressPolicy
from jobs.engine.domains import normal_host

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PORTS = {"http": 80, "https": 443}
SAFE = "!$%&'()*+,/:;=?@[]~"  # what a path and a query may hold as it is


@contextlib.contextmanager
def answered(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    body: bytes | None = None,
    policy: EgressPolicy,
    deadline: float,
) -> Iterator[tuple[http.client.HTTPResponse, float]]:
    """The answer to a request, and the moment at which its connection stood; both moments as `time.monotonic`.

    Everything is over at `deadline`, the reading of the answer too. Raises EgressDenied, TimeoutError, OSError,
    http.client.HTTPException, and ValueError for what is no address on the web.
    """
    parts = urlsplit(url)
    host, port = normal_host(parts.hostname or ""), port_of(url)
    with contextlib.closing(_connected(host, port, policy, deadline, is_secure=parts.scheme == "https")) as connection:
        started = time.monotonic()
        client = http.client.HTTPConnection(host)
        client.auto_open = 0
        client.sock = _Timed(connection, deadline)
        client.request(method, _target(parts), body=body, headers={"Host": _authority(host, port, parts), **headers})
        with client.getresponse() as response:
            yield response, started


def port_of(url: str) -> int:
    """The port that a valid address names, or that of its scheme."""
    parts = urlsplit(url)
    return parts.port or PORTS[parts.scheme]


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Trusts the system's authorities and those that come with the service: an image may have none of its own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Timed(io.RawIOBase):
    """A connection that is read from and written to until a deadline, however little the other side does at a time.

    In the place of the socket that `http.client` would open. Whoever opened the connection closes it.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(_left(self._deadline))
        self._connection.sendall(data)

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)

    def close(self) -> None:
        """Nothing."""


def _connected(host: str, port: int, policy: EgressPolicy, deadline: float, *, is_secure: bool) -> socket.socket:
    """A connection to the first allowed address of the host, whose certificate, if any, is the host name's."""
    connection = egress.open_connection(host, port, policy, timeout_seconds=_left(deadline))
    if not is_secure:
        return connection
    try:
        connection.settimeout(_left(deadline))
        return tls_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _target(parts: SplitResult) -> str:
    return quote(f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", safe=SAFE)


def _authority(host: str, port: int, parts: SplitResult) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == PORTS[parts.scheme] else f"{name}:{port}"


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
