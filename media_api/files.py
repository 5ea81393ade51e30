"""Result files over HTTP: signed links, ranges, conditions. Which file lies where is the storage's business."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO
from urllib.parse import quote

import structlog
from django.conf import settings
from django.db import connection
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe, quote_etag
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys
from accounts.authentication import ApiKeyAuthentication
from accounts.models import Scope, User
from jobs import file_links, queries, readers, shares, storage
from jobs.errors import JobNotFound
from jobs.models import MediaFile
from media_api import accel, throttling
from media_api.errors import ApiError, Code
from media_api.links import absolute

BLOCK_BYTES = 256 * 1024
GONE = "The bytes of this file are gone."
OUT_OF_REACH = "The file is there, but its storage does not answer now. Try again in a moment."
log = structlog.get_logger(__name__)
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Bytes of a file, both ends included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class NotSatisfiable(Exception):
    """The file has no byte of the range that was asked for."""


class Slice(io.RawIOBase):
    """The next `length` bytes of an open file.

    `fileno` lets gunicorn have the kernel copy from the current position; `read` is bounded for every other server.
    """

    def __init__(self, file: IO[bytes], length: int) -> None:
        super().__init__()
        self.file = file
        self.left = length

    def fileno(self) -> int:
        return self.file.fileno()

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """In the file itself: gunicorn goes to the position it has asked `fileno` for."""
        return self.file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data

    def close(self) -> None:
        self.file.close()
        super().close()


class RangeFileResponse(FileResponse):
    """A file response whose headers are all set by the caller: Django's own would measure the whole file."""

    block_size = BLOCK_BYTES

    when_over: Callable[[], None] | None = None  # called when the transfer has ended, in whatever way

    def close(self) -> None:
        try:
            if self.when_over is not None:
                self.when_over()
        finally:
            super().close()

    def set_headers(self, filelike: IO[bytes]) -> None:
        """Nothing."""


def link_for(file: MediaFile, request: Request | HttpRequest) -> str:
    """A link to the file that needs no key, for whoever sent the request."""
    return absolute(request, file_links.path_of(file))


@csrf_exempt  # it only reads; without this the CSRF check would answer a POST before `require_safe` does
@require_safe
def serve(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """The bytes of a result. `token` is signed, or the file's own id for its owner; `name` is for people's eyes."""
    return _serve(request, _signed_file(token) if ":" in token else _own_file(request, token))


@csrf_exempt  # as above
@require_safe
def serve_shared(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """The bytes of a file that its owner shares. Counted when fetched from the beginning, which players may repeat."""
    link = shares.shared(token)
    response = _serve(request, link.file)
    begins = request.headers.get("Range", "bytes=0-").replace(" ", "").lower().startswith("bytes=0-")
    if request.method == "GET" and begins and response.status_code in (200, 206, 302):
        shares.count(link)
        _free_connection()
    return response


def _serve(request: HttpRequest, file: MediaFile) -> HttpResponseBase:
    reading = readers.begin(file)
    if reading is None:
        raise ApiError(Code.NOT_FOUND, GONE)
    try:
        response = _answer(request, file)
    except FileNotFoundError as error:
        readers.end(reading)
        raise ApiError(Code.NOT_FOUND, GONE) from error
    except storage.Unavailable as error:
        readers.end(reading)
        log.exception("storage out of reach", file=file.public_id)
        raise ApiError(Code.SERVICE_UNAVAILABLE, OUT_OF_REACH, headers={"Retry-After": "10"}) from error
    except BaseException:
        readers.end(reading)
        raise
    if isinstance(response, RangeFileResponse):
        response.when_over = partial(readers.end, reading)
    else:
        readers.end(reading)
    return _with_headers(response, file)


def _answer(request: HttpRequest, file: MediaFile) -> HttpResponseBase:
    if request.method == "GET" and settings.STORAGE_DIRECT_LINKS and storage.is_remote():
        return _led_on(file)
    content = storage.open_result(file.path)
    try:
        response = _respond(request, file, content)
    except BaseException:
        content.close()
        raise
    if isinstance(response, RangeFileResponse):
        _free_connection()
    else:
        content.close()
    return response


def _led_on(file: MediaFile) -> HttpResponseBase:
    """To the store itself, for as long as a link of ours would work; see docs/decisions."""
    seconds = file_links.seconds_left(file)
    readers.expect(file, seconds)
    name, mime_type = disposition(file.name), file.mime_type
    link = storage.direct_link(file.path, seconds=seconds, disposition=name, mime_type=mime_type)
    return HttpResponseRedirect(link)


def asked_range(header: str, size: int) -> Span | None:
    """The one range that a Range header names; None when the whole file is to be sent. Raises NotSatisfiable.

    As RFC 9110 allows, what is malformed, in other units, or several ranges at once is ignored.
    """
    found = RANGE.fullmatch(header.replace(" ", ""))
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        first, last = max(size - int(found[2]), 0), size - 1
    else:
        first, last = int(found[1]), int(found[2]) if found[2] else size - 1
        if found[2] and last < first:
            return None
    if first >= size:
        raise NotSatisfiable
    return Span(first, min(last, size - 1))


def _signed_file(token: str) -> MediaFile:
    try:
        public_id = file_links.file_id_of(token)
    except file_links.NotOurLink as error:
        raise ApiError(Code.NOT_FOUND, "This link is not one of ours; it may have been cut off.") from error
    except file_links.LinkOver as error:
        raise ApiError(Code.LINK_EXPIRED, "This link has expired. Ask for the job again to get a new one.") from error
    return queries.servable_file(public_id)


def _own_file(request: HttpRequest, public_id: str) -> MediaFile:
    user = _reader(request)
    file = queries.servable_file(public_id) if public_id.isprintable() else None  # PostgreSQL takes no NUL
    if file is None or not queries.visible_to(user).filter(pk=file.job_id).exists():
        raise JobNotFound("There is no such file; it may have expired.")
    return file


def _reader(request: HttpRequest) -> User:
    """Who reads with a key or is signed in. Raises ApiError and Throttled."""
    try:
        found = ApiKeyAuthentication().authenticate(request)
    except AuthenticationFailed as error:
        throttling.count_wrong_key(request)
        raise ApiError(Code.INVALID_API_KEY, str(error.detail), headers={"WWW-Authenticate": "Bearer"}) from error
    if found is not None:
        user, key = found
        if not keys.allows(key, Scope.READ):
            raise ApiError(Code.FORBIDDEN, "This API key lacks the scope “read”.")
        return user
    if isinstance(request.user, User):
        return request.user
    if not settings.REQUIRE_API_KEY:
        return User.objects.anonymous()
    raise ApiError(
        Code.AUTHENTICATION_REQUIRED,
        "Send an API key in the header X-API-Key, or use the job's signed link.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _free_connection() -> None:
    """Give the database connection back now: Django would keep it until the last byte is sent, and the pool is small.

    Within a transaction it stays, for that would be lost.
    """
    if not connection.in_atomic_block:
        connection.close()


def _respond(request: HttpRequest, file: MediaFile, content: IO[bytes]) -> HttpResponseBase:
    """The answer without the headers that every answer has."""
    if accel.is_wanted():
        return accel.handed_over(file)
    size = content.seek(0, io.SEEK_END)
    unmet = get_conditional_response(request, etag=_etag(file), last_modified=_modified(file))
    if unmet is not None:
        return _unchanged() if unmet.status_code == 304 else unmet
    if request.method == "HEAD":
        return HttpResponse(headers={"Content-Length": str(size)}, content_type=file.mime_type)
    try:
        span = asked_range(request.headers.get("Range", ""), size) if _range_counts(request, file) else None
    except NotSatisfiable:
        raise ApiError(
            Code.RANGE_NOT_SATISFIABLE, f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"}
        ) from None
    return _body(content, size, span, file.mime_type)


def _unchanged() -> HttpResponseBase:
    """A 304 without Content-Length, which would be that of the file. Streaming: middleware measures other responses."""
    response = StreamingHttpResponse(status=304)
    del response["Content-Type"]
    return response


def _body(content: IO[bytes], size: int, span: Span | None, mime_type: str) -> RangeFileResponse:
    first, length = (span.first, span.length) if span else (0, size)
    content.seek(first)
    if isinstance(content, storage.RemoteFile):
        content.until(first + length)
    response = RangeFileResponse(Slice(content, length), status=206 if span else 200, content_type=mime_type)
    response["Content-Length"] = str(length)
    if span:
        response["Content-Range"] = f"bytes {span.first}-{span.last}/{size}"
    return response


def _with_headers(response: HttpResponseBase, file: MediaFile) -> HttpResponseBase:
    response["ETag"] = _etag(file)
    response["Last-Modified"] = http_date(_modified(file))
    response["Cache-Control"] = "private"
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    # Should a browser show the file after all, nothing in it may run or load anything.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Content-Disposition"] = disposition(file.name)
    return response


def disposition(name: str) -> str:
    """`attachment` with the name as RFC 6266 has it: plain for old clients, `filename*` when it is not ASCII."""
    if name.isascii():
        return content_disposition_header(as_attachment=True, filename=name) or "attachment"
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    fallback = content_disposition_header(as_attachment=True, filename=plain)
    return f"{fallback}; filename*=utf-8''{quote(name, safe='')}"


def _range_counts(request: HttpRequest, file: MediaFile) -> bool:
    """A range with an If-Range for another version of the file is ignored."""
    condition = request.headers.get("If-Range")
    return condition is None or condition == _etag(file) or parse_http_date_safe(condition) == _modified(file)


def _etag(file: MediaFile) -> str:
    return quote_etag(file.sha256)


def _modified(file: MediaFile) -> int:
    return int(file.created_at.timestamp())
