"""Absolute addresses in answers."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def absolute(request: Request | HttpRequest, path: str) -> str:
    """`path` with scheme and host in front: those of PUBLIC_URL, else those the caller used."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL}{path}"
    return request.build_absolute_uri(path)
