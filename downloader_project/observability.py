"""Logging for people and machines, and the request id that follows a call into workers. No metrics, no domain logic."""

import logging
import re
import time
import uuid
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from jobs.optional import without

with without("greenlet", "rich"):  # 6 MB of every process, for colours and threads that no log has
    import structlog

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
FILE_TOKEN = re.compile(r"(/(?:files/(?:shared/)?|s/))[^/\s]+", re.IGNORECASE)

Event = MutableMapping[str, Any]

log = structlog.get_logger("http")


class RequestLogMiddleware:
    """Gives every request an id and every response the `X-Request-ID` header, and logs one line for each.

    The caller's own id is kept when it is a sane token. Query strings are never logged: they carry tokens.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            duration_ms=round((time.monotonic() - started) * 1000, 1),
        )
        return response


def forget_call() -> None:
    """What is logged next belongs to no call."""
    structlog.contextvars.clear_contextvars()


def logging_config(*, level: str, log_format: str, environment: str) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, one line a record, as JSON or as text."""
    shared = _shared_processors(environment)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderer(log_format)],
            }
        },
        "filters": {"news": {"()": lambda: is_not_a_silent_client}, "faults": {"()": lambda: is_a_fault}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": _levels(level),
    }


def _shared_processors(environment: str) -> list[Any]:
    """What happens to every record, whichever library wrote it."""

    def name_installation(_logger: Any, _method: str, event: Event) -> Event:
        event["environment"] = environment
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        name_installation,
        mask_file_tokens,
    ]


def mask_file_tokens(_logger: Any, _method: str, event: Event) -> Event:
    """Whoever reads a signed link to a file, or a shared one, in a log could fetch the file with it."""
    for name in ("event", "path"):
        if isinstance(event.get(name), str):
            event[name] = FILE_TOKEN.sub(r"\1***", event[name])
    return event


def is_not_a_silent_client(record: logging.LogRecord) -> bool:
    """Whether a record of the web server's is about more than a client that was cut off after its timeout."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, TimeoutError | BlockingIOError)


def is_a_fault(record: logging.LogRecord) -> bool:
    """Whether a record of Django's is about more than an answer that was meant: of a site that fails, of a full queue.

    Django logs every answer from 500 on as an error, and these are among the requests in any case.
    """
    return getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR) == HTTPStatus.INTERNAL_SERVER_ERROR


def _renderer(log_format: str) -> list[Any]:
    if log_format == "json":
        # format_exc_info and not dict_tracebacks: the latter prints local variables, cookies among them.
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


def _levels(level: str) -> dict[str, Any]:
    """The libraries' loggers that do not simply follow the root."""
    return {
        "django": {"handlers": [], "level": level, "propagate": True},
        "django.server": {"handlers": [], "level": logging.WARNING, "propagate": True},
        "django.request": {"level": logging.ERROR, "filters": ["faults"]},
        "django.template": {"level": logging.INFO},  # below, it tells every variable of a page, secrets among them
        "django-q": {"handlers": [], "level": logging.WARNING, "propagate": True},
        "gunicorn.error": {"handlers": [], "level": level, "propagate": True, "filters": ["news"]},
    }
