"""The addresses of the API. Each works with and without a trailing slash: a redirect would lose a POST's body."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from media_api import files
from media_api.views import docs
from media_api.views.downloads import Downloads
from media_api.views.health import Health, Ready, Version

View = Callable[..., HttpResponseBase]


def either(route: str, view: View | Any, name: str) -> list[URLPattern]:
    """The route, and its twin with a slash at the end."""
    return [path(route, view, name=name), path(f"{route}/", view)]


def job_action(name: str, method: str) -> list[URLPattern]:
    route = f"api/v1/download/<slug:public_id>/{name}"
    return either(route, Downloads.as_view({method: name}, name=f"Download: {name}"), f"download-{name}")


urlpatterns = [
    *either("api/v1/download", Downloads.as_view({"post": "create", "get": "list"}, name="Downloads"), "downloads"),
    *either(
        "api/v1/download/<slug:public_id>",
        Downloads.as_view({"get": "retrieve", "delete": "destroy"}, name="Download"),
        "download",
    ),
    *job_action("logs", "get"),
    *job_action("pause", "post"),
    *job_action("resume", "post"),
    *job_action("retry", "post"),
    *either("api/v1/health", Health.as_view(), "health"),
    *either("api/v1/readyz", Ready.as_view(), "readyz"),
    *either("version", Version.as_view(), "version"),
    path("files/<str:token>/<str:name>", files.serve, name="file"),
    *either("openapi.json", docs.OpenApi.as_view(), "openapi"),
    *either("docs", docs.Swagger.as_view(), "docs"),
    *either("redoc", docs.Redoc.as_view(), "redoc"),
]
