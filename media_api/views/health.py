"""`/api/v1/health`, its statistics, `/api/v1/readyz`, `/version`: whether the service works, and which one it is. Open
to anybody.
"""

import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import health, queries, storage
from jobs.remembered import remembered
from jobs.statistics import statistics
from media_api.errors import Code, ErrorResponse, Problem
from media_api.examples import downloads as examples
from media_api.traffic import traffic

STARTED = time.monotonic()
BUILT = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
FEATURES = (
    "downloads",
    "pause_resume",
    "retries",
    "signed_links",
    "range_requests",
    "idempotency",
    "rate_limits",
    "formats",
    "metadata",
    "metadata_batches",
    "batches",
    "playlists",
    "channels",
    "archive",
    "cookies",
    "webhooks",
)
HEALTH_STATUSES = HEALTHY, DEGRADED, UNHEALTHY = ("healthy", "degraded", "unhealthy")
CHECK_STATUSES = tuple(status.value for status in health.Health)


class CheckSerializer(serializers.Serializer[Any]):
    """One thing the service needs. With a warning it works, but not for long or not for all."""

    status = serializers.ChoiceField(CHECK_STATUSES)
    message = serializers.CharField()


class HealthSerializer(serializers.Serializer[Any]):
    """Whether the service works."""

    status = serializers.ChoiceField(HEALTH_STATUSES)
    timestamp = serializers.DateTimeField()
    version = serializers.CharField()
    uptime_seconds = serializers.FloatField()
    checks = serializers.DictField(child=CheckSerializer())


class StatisticsSerializer(serializers.Serializer[Any]):
    """What the service has done and has room for. Bytes and times are of the whole installation."""

    total_downloads = serializers.IntegerField()
    total_bytes_downloaded = serializers.IntegerField(help_text="size of all results, expired ones included")
    active_downloads = serializers.IntegerField()
    queued_downloads = serializers.IntegerField()
    failed_downloads = serializers.IntegerField()
    success_rate = serializers.FloatField(help_text="percent of those that completed or failed")
    average_download_time = serializers.FloatField(
        allow_null=True, help_text="seconds from start to end, of the last 1000 that completed"
    )
    storage_used_bytes = serializers.IntegerField(help_text="size of the results that are kept now")
    storage_available_bytes = serializers.IntegerField()
    uptime_seconds = serializers.FloatField()
    requests_per_minute = serializers.IntegerField(help_text="requests that this web host had in the last minute")
    ytdlp_version = serializers.CharField()
    python_version = serializers.CharField()
    timestamp = serializers.DateTimeField(
        help_text="now; counts of downloads and bytes may be 5 seconds older, and a minute with millions of downloads"
    )


class VersionSerializer(serializers.Serializer[Any]):
    """Which service this is."""

    version = serializers.CharField()
    app_name = serializers.CharField()
    build_date = serializers.DateTimeField()
    features = serializers.ListField(child=serializers.CharField())


class OpenView(APIView):
    """A call that needs no key, is not counted, and never touches the session."""

    tag = "service"
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)


class Health(OpenView):
    @extend_schema(
        operation_id="get_health",
        summary="Health",
        description="Always a 200 while the web server lives; `status` and `checks` tell the rest.",
        responses={200: HealthSerializer},
        examples=[examples.HEALTH],
    )
    def get(self, request: Request) -> Response:
        return Response(HealthSerializer(report()).data)


class Ready(OpenView):
    can_fail_with = {None: (Code.SERVICE_UNAVAILABLE,)}

    @extend_schema(
        operation_id="get_readiness",
        summary="Readiness",
        description="A 503 while the database does not answer: send no traffic here then.",
        responses={200: HealthSerializer},
        examples=[examples.HEALTH],
    )
    def get(self, request: Request) -> Response:
        found = report()
        if found["status"] != UNHEALTHY:
            return Response(HealthSerializer(found).data)
        problem = Problem(status=503, code=Code.SERVICE_UNAVAILABLE, message="Not ready: the database does not answer.")
        response = ErrorResponse(problem)
        response.data |= HealthSerializer(found).data
        return response


class Stats(OpenView):
    @extend_schema(
        operation_id="get_statistics",
        summary="Statistics",
        responses={200: StatisticsSerializer},
        examples=[examples.STATISTICS],
    )
    def get(self, request: Request) -> Response:
        return Response(figures())


class Version(OpenView):
    @extend_schema(
        operation_id="get_version", summary="Version", responses={200: VersionSerializer}, examples=[examples.VERSION]
    )
    def get(self, request: Request) -> Response:
        version = {
            "version": settings.VERSION,
            "app_name": settings.APP_NAME,
            "build_date": BUILT,
            "features": FEATURES,
        }
        return Response(VersionSerializer(version).data)


def report() -> dict[str, Any]:
    """The health as on the wire: unhealthy without a database, degraded when downloads cannot run."""
    checks = health.report()
    failed = {name for name, check in checks.items() if check.status is health.Health.FAILED}
    return {
        "status": UNHEALTHY if "database" in failed else DEGRADED if failed else HEALTHY,
        "timestamp": timezone.now(),
        "version": settings.VERSION,
        "uptime_seconds": round(time.monotonic() - STARTED, 1),
        "checks": {name: {"status": check.status, "message": check.message} for name, check in checks.items()},
    }


def figures() -> dict[str, Any]:
    """The statistics as on the wire."""
    found = remembered("statistics", statistics)
    told = {
        "total_downloads": found.total,
        "total_bytes_downloaded": found.downloaded_bytes,
        "active_downloads": found.active,
        "queued_downloads": found.queued,
        "failed_downloads": found.failed,
        "success_rate": round(found.success_percent, 2),
        "average_download_time": found.average_seconds,
        "storage_used_bytes": found.stored_bytes,
        "storage_available_bytes": storage.free_bytes(),
        "uptime_seconds": round(time.monotonic() - STARTED, 1),
        "requests_per_minute": traffic.last_minute(),
        "ytdlp_version": queries.engine_version(),
        "python_version": platform.python_version(),
        "timestamp": timezone.now(),
    }
    return dict(StatisticsSerializer(told).data)
