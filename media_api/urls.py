"""The addresses of the API. Each works with and without a trailing slash: a redirect would lose a POST's body."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from media_api import files
from media_api.compat import ALIASES, OldDownloads
from media_api.views import docs
from media_api.views.archive import Archive
from media_api.views.batches import Batches
from media_api.views.cookies import Cookies
from media_api.views.downloads import Downloads
from media_api.views.health import Health, Ready, Stats, Version
from media_api.views.metadata import MetadataBatches, Pages
from media_api.views.metrics import Metrics
from media_api.views.playlists import Channels, Playlists
from media_api.views.quota import Quota
from media_api.views.webhooks import Deliveries, SigningSecrets, Webhooks

View = Callable[..., HttpResponseBase]


def either(route: str, view: View | Any, name: str) -> list[URLPattern]:
    """The route, and its twin with a slash at the end."""
    return [path(route, view, name=name), path(f"{route}/", view)]


def aliases(patterns: list[URLPattern]) -> list[URLPattern]:
    """The same views at the paths that older clients know."""
    views = {str(pattern.pattern): pattern.callback for pattern in patterns}
    return [twin for theirs, ours in ALIASES.items() for twin in either(theirs, views[ours], "alias")]


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
    *job_action("extend", "post"),
    *either("api/v1/batch/download", Batches.as_view({"post": "create"}, name="Start a batch"), "batch-download"),
    *either("api/v1/batch", Batches.as_view({"get": "list"}, name="Batches"), "batches"),
    *either(
        "api/v1/batch/<slug:public_id>",
        Batches.as_view({"get": "retrieve", "delete": "destroy"}, name="Batch"),
        "batch",
    ),
    *either("api/v1/batch/<slug:public_id>/retry", Batches.as_view({"post": "retry"}), "batch-retry"),
    *either("api/v1/webhooks", Webhooks.as_view({"get": "list", "post": "create"}, name="Webhooks"), "webhooks"),
    *either("api/v1/webhooks/signing-secret", SigningSecrets.as_view({"get": "retrieve"}), "signing-secret"),
    *either(
        "api/v1/webhooks/signing-secret/rotate", SigningSecrets.as_view({"post": "rotate"}), "signing-secret-rotate"
    ),
    *either("api/v1/webhooks/deliveries", Deliveries.as_view({"get": "list"}, name="Deliveries"), "deliveries"),
    *either("api/v1/webhooks/deliveries/<slug:public_id>", Deliveries.as_view({"get": "retrieve"}), "delivery"),
    *either(
        "api/v1/webhooks/deliveries/<slug:public_id>/redeliver", Deliveries.as_view({"post": "redeliver"}), "redeliver"
    ),
    *either(
        "api/v1/webhooks/<slug:public_id>",
        Webhooks.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}, name="Webhook"),
        "webhook",
    ),
    *either(
        "api/v1/webhooks/<slug:public_id>/rotate-secret", Webhooks.as_view({"post": "rotate_secret"}), "webhook-rotate"
    ),
    *either("api/v1/webhooks/<slug:public_id>/test", Webhooks.as_view({"post": "test"}), "webhook-test"),
    *either(
        "api/v1/webhooks/<slug:public_id>/deliveries",
        Deliveries.as_view({"get": "list_of_webhook"}),
        "webhook-deliveries",
    ),
    *either("api/v1/playlist/preview", Playlists.as_view({"get": "preview"}, name="Playlist"), "playlist-preview"),
    *either("api/v1/playlist/download", Playlists.as_view({"post": "download"}, name="Playlist"), "playlist-download"),
    *either("api/v1/channel/info", Channels.as_view({"get": "info"}, name="Channel"), "channel-info"),
    *either("api/v1/channel/download", Channels.as_view({"post": "download"}, name="Channel"), "channel-download"),
    *either("api/v1/archive", Archive.as_view({"get": "list", "post": "create"}, name="Archive"), "archive"),
    path(
        "api/v1/archive/<str:extractor>/<path:video_id>",
        Archive.as_view({"delete": "destroy"}, name="Archive entry"),
        name="archive-entry",
    ),
    *either("api/v1/formats", Pages.as_view({"get": "formats"}, name="Formats"), "formats"),
    *either("api/v1/metadata", Pages.as_view({"get": "metadata"}, name="Metadata"), "metadata"),
    *either(
        "api/v1/metadata/batch",
        MetadataBatches.as_view({"post": "create"}, name="Metadata batches"),
        "metadata-batches",
    ),
    *either(
        "api/v1/metadata/batch/<slug:public_id>",
        MetadataBatches.as_view({"get": "retrieve", "delete": "destroy"}, name="Metadata batch"),
        "metadata-batch",
    ),
    *either("api/v1/cookies", Cookies.as_view({"get": "list", "post": "create"}, name="Cookies"), "cookies"),
    *either(
        "api/v1/cookies/<slug:public_id>",
        Cookies.as_view({"get": "retrieve", "delete": "destroy"}, name="Cookie jar"),
        "cookie",
    ),
    *either(
        "api/v1/cookies/<slug:public_id>/test", Cookies.as_view({"post": "test"}, name="Cookie test"), "cookie-test"
    ),
    *either("api/v1/quota", Quota.as_view({"get": "retrieve"}, name="Quotas"), "quota"),
    *either("api/v1/health", Health.as_view(), "health"),
    *either("api/v1/health/stats", Stats.as_view(), "health-stats"),
    *either("api/v1/readyz", Ready.as_view(), "readyz"),
    *either("api/v1/metrics", Metrics.as_view(), "metrics"),
    *either("version", Version.as_view(), "version"),
    *either("files/<str:token>/<str:name>", files.serve, "file"),
    *either("files/shared/<str:token>/<str:name>", files.serve_shared, "shared-file"),
    *either("openapi.json", docs.OpenApi.as_view(), "openapi"),
    *either("docs", docs.Swagger.as_view(), "docs"),
    *either("redoc", docs.Redoc.as_view(), "redoc"),
    *either("download", OldDownloads.as_view({"post": "create"}), "old-download"),
    *either("downloads/<slug:public_id>", OldDownloads.as_view({"get": "retrieve"}), "old-job"),
    *either("downloads/<slug:public_id>/logs", OldDownloads.as_view({"get": "logs"}), "old-logs"),
]
urlpatterns += aliases(urlpatterns)
