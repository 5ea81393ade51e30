"""Absolute addresses in answers, and where they begin."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from jobs import file_links


class OriginMiddleware:
    """Lets what a call makes remember at which address its caller reached the service: see `jobs.file_links`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with file_links.call_from(lambda: request.build_absolute_uri("/").rstrip("/")):
            return self.get_response(request)


def absolute(request: Request | HttpRequest, path: str) -> str:
    """`path` with scheme and host in front: those of PUBLIC_URL, else those the caller used."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL}{path}"
    return request.build_absolute_uri(path)
