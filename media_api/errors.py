"""The one seam where errors become responses: every code, the envelope, and what is put into it."""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
from django.core import exceptions as django_errors
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions as rest_errors
from rest_framework.response import Response

from accounts.authentication import INVALID_KEY
from accounts.cookies import JarNotFound, TooManyJars
from accounts.netscape import CookiesRefused
from jobs import errors as job_errors
from jobs.engine.contract import FailureCode

QUEUE_FULL_RETRY_SECONDS = 30
DATABASE_RETRY_SECONDS = 5
PROGRAM_PREFIXES = ("/api/", "/files/", "/version/", "/download/", "/downloads/", "/healthz/", "/readyz/")
PROGRAM_PATHS = tuple(prefix.rstrip("/") for prefix in PROGRAM_PREFIXES)
BODY = "body"
LONGEST_TEXT = 400  # characters of a field's name, or of what is wrong with it
NO_PAGE = (FailureCode.UNSUPPORTED_URL, FailureCode.BLOCKED_ADDRESS)

log = structlog.get_logger(__name__)


class Code(StrEnum):
    """Every `code` an error can carry. Clients may rely on the list; new ones are announced in the changelog."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    BAD_REQUEST = "BAD_REQUEST"
    AUTHENTICATION_REQUIRED = "AUTHENTICATION_REQUIRED"
    INVALID_API_KEY = "INVALID_API_KEY"
    FORBIDDEN = "FORBIDDEN"
    LINK_EXPIRED = "LINK_EXPIRED"
    NOT_FOUND = "NOT_FOUND"
    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    CONFLICT = "CONFLICT"
    PRECONDITION_FAILED = "PRECONDITION_FAILED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    RANGE_NOT_SATISFIABLE = "RANGE_NOT_SATISFIABLE"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    METADATA_EXTRACTION_FAILED = "METADATA_EXTRACTION_FAILED"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    QUEUE_FULL = "QUEUE_FULL"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    EXTRACTION_TIMEOUT = "EXTRACTION_TIMEOUT"


@dataclass(frozen=True)
class Meaning:
    """What the documentation says about a code. `statuses` are the HTTP statuses it comes with.

    A reserved code belongs to a feature of a later version: nothing answers with it yet.
    """

    statuses: tuple[int, ...]
    text: str
    is_reserved: bool = False


MEANINGS: dict[Code, Meaning] = {
    Code.VALIDATION_ERROR: Meaning(
        (422, 400), "The request is not valid: 400 when it cannot be read, 422 when a field is wrong."
    ),
    Code.BAD_REQUEST: Meaning(
        (400, 408, 414, 417, 431),
        "The request is malformed, names a host that this service does not answer to, or (408) stops coming; its "
        "address (414) or headers (431) are too long, or it expects what cannot be (417).",
    ),
    Code.AUTHENTICATION_REQUIRED: Meaning((401,), "The call needs an API key."),
    Code.INVALID_API_KEY: Meaning((401,), "The API key is unknown, expired or revoked."),
    Code.FORBIDDEN: Meaning((403,), "The caller is known but may not do this."),
    Code.LINK_EXPIRED: Meaning(
        (403,), "The file link was good but its time is over; ask for the job again to get a new one."
    ),
    Code.NOT_FOUND: Meaning((404,), "There is nothing at this address."),
    Code.JOB_NOT_FOUND: Meaning((404,), "There is no such job, or it belongs to somebody else."),
    Code.METHOD_NOT_ALLOWED: Meaning(
        (405,), "The address does not answer to this method; `Allow` lists those it does."
    ),
    Code.NOT_ACCEPTABLE: Meaning((406,), "The answer cannot be given in any media type that `Accept` names."),
    Code.CONFLICT: Meaning(
        (409,), "The job's state, or an earlier call with the same idempotency key, does not allow this."
    ),
    Code.PRECONDITION_FAILED: Meaning((412,), "The file is not the one that the request's condition names."),
    Code.PAYLOAD_TOO_LARGE: Meaning((413,), "The request's body is too large."),
    Code.UNSUPPORTED_MEDIA_TYPE: Meaning((415,), "The request's body has a media type that is not understood."),
    Code.RANGE_NOT_SATISFIABLE: Meaning((416,), "The file has no such bytes; `Content-Range` tells its size."),
    Code.RATE_LIMIT_EXCEEDED: Meaning((429,), "Too many calls; `Retry-After` tells how many seconds to wait."),
    Code.QUOTA_EXCEEDED: Meaning(
        (429, 507),
        "The allowance of the caller, or of its key, is used up: that of downloads a day (429) or of stored bytes "
        "(507). The message names it and tells when there is room; `Retry-After`, where present, says so in seconds.",
    ),
    Code.INTERNAL_SERVER_ERROR: Meaning((500,), "Something broke here; the operator finds it by the request id."),
    Code.METADATA_EXTRACTION_FAILED: Meaning((502,), "The site's page could not be read; `details` has its own code."),
    Code.DOWNLOAD_FAILED: Meaning((502,), "A download that the answer depends on failed.", is_reserved=True),
    Code.QUEUE_FULL: Meaning((503,), "Too many jobs are waiting; try again later."),
    Code.SERVICE_UNAVAILABLE: Meaning((503,), "The service cannot work at the moment."),
    Code.EXTRACTION_TIMEOUT: Meaning((504,), "The site did not answer in time."),
}
CODE_OF_STATUS = {meaning.statuses[0]: code for code, meaning in reversed(MEANINGS.items())} | {
    400: Code.BAD_REQUEST,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    429: Code.RATE_LIMIT_EXCEEDED,
    503: Code.SERVICE_UNAVAILABLE,
}


class ApiError(Exception):
    """Raised by views for what no other exception says. The message is shown to the caller."""

    def __init__(
        self, code: Code, message: str = "", *, status: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message or MEANINGS[code].text)
        self.code = code
        self.status = status or MEANINGS[code].statuses[0]
        self.headers = headers or {}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An error as the caller will see it. `details` holds `{field, message}` entries."""

    status: int
    code: Code
    message: str
    details: tuple[dict[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code.value, "message": self.message, "request_id": request_id()}
        return {"error": error | ({"details": list(self.details)} if self.details else {})}


class EnvelopeResponse(JsonResponse):
    """An error from outside the API framework."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.envelope(), status=problem.status, headers=problem.headers)


class ErrorResponse(Response):
    """An error from within the API framework."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.envelope(), status=problem.status, headers=problem.headers)


class EnvelopeMiddleware:
    """Puts every error that a program gets into the envelope, whichever layer made it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400 or not is_for_programs(request):
            return response
        if not isinstance(response, EnvelopeResponse | ErrorResponse):
            _wrap(response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Exceptions of views that are not the framework's; None lets Django log a crash."""
        problem = problem_of(exception) if is_for_programs(request) else None
        return EnvelopeResponse(problem) if problem else None


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """The API framework's exception handler. None for what is not known: Django logs it and answers with a 500."""
    problem = problem_of(error)
    return ErrorResponse(problem) if problem else None


def problem_of(error: Exception) -> Problem | None:
    """What the caller is told about an exception; None for a crash."""
    for kind, describe in DESCRIPTIONS.items():
        if isinstance(error, kind):
            return describe(error)
    return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _page(request, exception, lambda: defaults.bad_request(request, exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _page(request, exception, lambda: defaults.permission_denied(request, exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _page(request, exception, lambda: defaults.page_not_found(request, exception))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Also for what middleware raised, which no other part of this module sees."""
    problem = _database_failed(error) if isinstance(error := sys.exception(), OperationalError) else _plain(500)
    if is_for_programs(request):
        return EnvelopeResponse(problem)
    page = defaults.server_error(request)
    page.status_code = problem.status
    for name, value in problem.headers.items():
        page[name] = value
    return page


def is_for_programs(request: HttpRequest) -> bool:
    """Whether errors are JSON: at these addresses, and where nothing is for whoever does not ask for a page."""
    if request.path_info.startswith(PROGRAM_PREFIXES) or request.path_info in PROGRAM_PATHS:
        return True
    return request.resolver_match is None and "text/html" not in request.headers.get("Accept", "")


def request_id() -> str:
    """The id of the current call, as in the `X-Request-ID` header."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _page(request: HttpRequest, exception: Exception, default: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    if not is_for_programs(request):
        return default()
    return EnvelopeResponse(problem_of(exception) or _plain(400))


def _wrap(response: HttpResponse) -> None:
    """Replace the body in place: headers such as `Allow` and those of other middleware stay."""
    answer = EnvelopeResponse(_plain(response.status_code))
    response.content = answer.content
    response["Content-Type"] = answer["Content-Type"]
    response["Content-Length"] = str(len(answer.content))
    del response["Content-Encoding"]


def _plain(status: int) -> Problem:
    code = CODE_OF_STATUS.get(status, Code.BAD_REQUEST if status < 500 else Code.INTERNAL_SERVER_ERROR)
    return Problem(status=status, code=code, message=MEANINGS[code].text)


def _validation(error: rest_errors.ValidationError) -> Problem:
    return _invalid(422, tuple(_entries(error.detail, "")))


def _value_refused(error: job_errors.ValueRefused) -> Problem:
    return _invalid(422, ({"field": error.field, "message": str(error)},))


def _values_refused(error: job_errors.ValuesRefused) -> Problem:
    return _invalid(422, tuple({"field": refusal.field, "message": str(refusal)} for refusal in error.refusals))


def _extraction_failed(error: job_errors.ExtractionFailed) -> Problem:
    """A link that no page can be behind, or none that may be asked, is the caller's mistake; the rest is the site's."""
    details = ({"field": "url", "message": str(error), "code": error.code},)
    if error.code in NO_PAGE:
        return _invalid(422, details)
    return Problem(status=502, code=Code.METADATA_EXTRACTION_FAILED, message=str(error), details=details)


def _cookies_refused(error: CookiesRefused) -> Problem:
    return _invalid(422, tuple({"field": "cookies", "message": problem} for problem in error.problems))


def _too_many_jars(error: TooManyJars) -> Problem:
    return _invalid(422, ({"field": "name", "message": str(error)},))


def _parse_error(error: rest_errors.ParseError) -> Problem:
    return _invalid(400, ({"field": BODY, "message": str(error.detail)},))


def _invalid(status: int, details: tuple[dict[str, str], ...]) -> Problem:
    first = details[0] if details else {"field": BODY, "message": "not valid"}
    more = f" ({len(details) - 1} more below)" if len(details) > 1 else ""
    return Problem(
        status=status,
        code=Code.VALIDATION_ERROR,
        message=f"{first['field']}: {first['message']}{more}",
        details=details,
    )


def _entries(detail: Any, path: str) -> Iterator[dict[str, str]]:
    """The framework's nested errors as flat `{field, message}` entries; `subtitle_languages.2` is the third one's."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _entries(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            is_nested = isinstance(inner, dict | list)
            yield from _entries(inner, f"{path}.{position}".lstrip(".") if is_nested else path)
    else:
        yield {"field": _shortened(path or BODY), "message": _shortened(str(detail))}


def _shortened(text: str) -> str:
    """Without the middle of what a caller sent and is quoted."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT // 2]} … {text[-LONGEST_TEXT // 2 :]}"


def _unauthenticated(error: rest_errors.APIException) -> Problem:
    code = Code.INVALID_API_KEY if error.get_codes() == INVALID_KEY else Code.AUTHENTICATION_REQUIRED
    message = str(error.detail) if code == Code.INVALID_API_KEY else "Send an API key in the header X-API-Key."
    header = str(getattr(error, "auth_header", "") or "Bearer")
    return Problem(status=401, code=code, message=message, headers={"WWW-Authenticate": header})


def _throttled(error: rest_errors.Throttled) -> Problem:
    seconds = max(1, math.ceil(getattr(error, "wait", None) or 1))
    return Problem(
        status=429,
        code=Code.RATE_LIMIT_EXCEEDED,
        message=f"Too many calls. Try again in {seconds} second{'s' if seconds > 1 else ''}.",
        headers={"Retry-After": str(seconds)},
    )


def _framework(error: rest_errors.APIException) -> Problem:
    plain = _plain(error.status_code)
    return Problem(status=error.status_code, code=plain.code, message=str(error.detail))


def _api_error(error: ApiError) -> Problem:
    return Problem(status=error.status, code=error.code, message=str(error), headers=error.headers)


def _database_failed(error: OperationalError) -> Problem:
    """Locked for too long, or not there. The caller is not told which."""
    log.error("the database does not answer", exc_info=error)
    code = Code.SERVICE_UNAVAILABLE
    retry = {"Retry-After": str(DATABASE_RETRY_SECONDS)}
    return Problem(status=503, code=code, message=MEANINGS[code].text, headers=retry)


def _unreadable(error: UnreadablePostError) -> Problem:
    cause: BaseException | None = error
    while isinstance(cause, UnreadablePostError):  # Django wraps what the server raised once or twice
        cause = cause.__cause__
    if not isinstance(cause, TimeoutError):
        return _plain(400)
    return Problem(status=408, code=Code.BAD_REQUEST, message="The rest of the request's body did not come.")


def _quota_exceeded(error: job_errors.QuotaExceeded) -> Problem:
    status = 507 if isinstance(error, job_errors.StorageQuotaExceeded) else 429
    retry = {} if error.free_in_seconds is None else {"Retry-After": str(error.free_in_seconds)}
    return Problem(status=status, code=Code.QUOTA_EXCEEDED, message=str(error), headers=retry)


def _with(status: int, code: Code, **headers: str) -> Callable[[Exception], Problem]:
    return lambda error: Problem(
        status=status, code=code, message=str(error), headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def _fixed(status: int) -> Callable[[Exception], Problem]:
    return lambda _: _plain(status)


# The first entry that fits counts, so subclasses stand before their bases.
DESCRIPTIONS: dict[type[Exception], Callable[[Any], Problem]] = {
    ApiError: _api_error,
    CookiesRefused: _cookies_refused,
    TooManyJars: _too_many_jars,
    JarNotFound: _with(404, Code.NOT_FOUND),
    job_errors.ValueRefused: _value_refused,
    job_errors.ValuesRefused: _values_refused,
    job_errors.NotFound: _with(404, Code.NOT_FOUND),
    job_errors.JobNotFound: _with(404, Code.JOB_NOT_FOUND),
    job_errors.ExtractionFailed: _extraction_failed,
    job_errors.ExtractionTimeout: _with(504, Code.EXTRACTION_TIMEOUT),
    job_errors.StateConflict: _with(409, Code.CONFLICT),
    job_errors.QuotaExceeded: _quota_exceeded,
    job_errors.QueueFull: _with(503, Code.QUEUE_FULL, Retry_After=str(QUEUE_FULL_RETRY_SECONDS)),
    rest_errors.ValidationError: _validation,
    rest_errors.ParseError: _parse_error,
    rest_errors.NotAuthenticated: _unauthenticated,
    rest_errors.AuthenticationFailed: _unauthenticated,
    rest_errors.Throttled: _throttled,
    rest_errors.APIException: _framework,
    Http404: _fixed(404),
    django_errors.PermissionDenied: _fixed(403),
    django_errors.RequestDataTooBig: _fixed(413),
    django_errors.SuspiciousOperation: _fixed(400),
    django_errors.BadRequest: _fixed(400),
    UnreadablePostError: _unreadable,
    OperationalError: _database_failed,
}
