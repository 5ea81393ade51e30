"""A port of its own for metrics: whoever reaches it may read them, so it is the network that guards it."""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import connections

from media_api.metrics import exposition

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
PATHS = frozenset({"/metrics", "/api/v1/metrics"})


def with_metrics_port(application: Application) -> Application:
    """The application, but for requests to METRICS_PORT: there are the metrics and nothing else."""

    def call(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if str(environ.get("SERVER_PORT")) != str(settings.METRICS_PORT):  # the listener's, not the client's word
            return application(environ, start_response)
        return _answer(environ, start_response)

    return call


def _answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"].rstrip("/") not in PATHS or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        body = b"Only GET /metrics is here.\n"
        start_response("404 Not Found", _headers(body, "text/plain; charset=utf-8"))
        return [body]
    try:
        body, content_type = exposition.page(environ.get("HTTP_ACCEPT", ""))
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
    start_response("200 OK", _headers(body, content_type))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _headers(body: bytes, content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
