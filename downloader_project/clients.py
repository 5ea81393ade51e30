"""What clients do to the web server, before Django sees it: they fall silent, and send bodies of unknown length."""

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Body(Protocol):
    """What WSGI servers give as `wsgi.input`, as far as it is used here."""

    def read(self, size: int = ..., /) -> bytes: ...


class ChunkedBody(io.RawIOBase):
    """A body whose length nobody knows beforehand.

    Reading raises RequestDataTooBig as soon as more than `limit_bytes` came, and BadRequest for malformed chunks.
    """

    def __init__(self, body: Body, limit_bytes: int) -> None:
        super().__init__()
        self.body = body
        self.left = limit_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """What RawIOBase and BufferedReader make every other way of reading from."""
        view = memoryview(buffer).cast("B")
        data = self._read(min(len(view), self.left))
        self.left -= len(data)
        if not self.left and self._read(1):
            raise RequestDataTooBig("The chunks are more than MAX_REQUEST_BODY_BYTES.")
        view[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            return self.body.read(size)
        except ParseException as error:
            raise BadRequest("The chunks make no sense.") from error


def guarded(application: Application) -> Application:
    """The application, for clients that may be silent for CLIENT_TIMEOUT_SECONDS at most, and may send chunks."""

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "gunicorn.socket" in environ:
            environ["gunicorn.socket"].settimeout(settings.CLIENT_TIMEOUT_SECONDS)
        if _is_chunked(environ):
            _bound(environ, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        return application(environ, start_response)

    return call


def _is_chunked(environ: Environ) -> bool:
    """Whether the server undoes the chunks of this request's body. Those of other servers are left to them."""
    return bool(environ.get("HTTP_TRANSFER_ENCODING")) and environ.get("wsgi.input_terminated", False)


def _bound(environ: Environ, limit_bytes: int) -> None:
    """Let Django, which reads CONTENT_LENGTH bytes, read the body. Not read here: the caller is unknown yet."""
    environ["wsgi.input"] = io.BufferedReader(ChunkedBody(environ["wsgi.input"], limit_bytes))
    environ["CONTENT_LENGTH"] = str(limit_bytes)
