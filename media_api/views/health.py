"""`/api/v1/health`, `/api/v1/readyz`, `/version`: whether the service works, and which one it is. Open to anybody."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import queries, storage
from jobs.engine import ffmpeg
from media_api import examples
from media_api.errors import Code, ErrorResponse, Problem

STARTED = time.monotonic()
BUILT = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
FEATURES = ("downloads", "pause_resume", "retries", "signed_links", "range_requests", "idempotency", "rate_limits")
HEALTH_STATUSES = HEALTHY, DEGRADED, UNHEALTHY = ("healthy", "degraded", "unhealthy")
CHECK_STATUSES = OK, FAILED = ("ok", "failed")

log = structlog.get_logger(__name__)


class CheckSerializer(serializers.Serializer[Any]):
    """One thing the service needs."""

    status = serializers.ChoiceField(CHECK_STATUSES)
    message = serializers.CharField()


class HealthSerializer(serializers.Serializer[Any]):
    """Whether the service works."""

    status = serializers.ChoiceField(HEALTH_STATUSES)
    timestamp = serializers.DateTimeField()
    version = serializers.CharField()
    uptime_seconds = serializers.FloatField()
    checks = serializers.DictField(child=CheckSerializer())


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
        health = report()
        if health["status"] != UNHEALTHY:
            return Response(HealthSerializer(health).data)
        problem = Problem(status=503, code=Code.SERVICE_UNAVAILABLE, message="Not ready: the database does not answer.")
        response = ErrorResponse(problem)
        response.data |= HealthSerializer(health).data
        return response


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
    checks = {name: _outcome(name, check) for name, check in CHECKS.items()}
    failed = {name for name, outcome in checks.items() if outcome["status"] == FAILED}
    return {
        "status": UNHEALTHY if "database" in failed else DEGRADED if failed else HEALTHY,
        "timestamp": timezone.now(),
        "version": settings.VERSION,
        "uptime_seconds": round(time.monotonic() - STARTED, 1),
        "checks": checks,
    }


class CheckFailed(Exception):
    """The message says what is missing; it is shown to anybody."""


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def _workers() -> str:
    alive = queries.living_workers().count()
    if not alive:
        raise CheckFailed("no worker is alive: downloads wait")
    return f"{alive} alive"


def _disk() -> str:
    free = storage.free_bytes()
    if free < settings.FREE_DISK_FLOOR_BYTES:
        raise CheckFailed(f"{free} bytes free, less than the floor")
    return f"{free} bytes free"


def _ffmpeg() -> str:
    queries.tools()
    return "found"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "workers": _workers,
    "disk": _disk,
    "ffmpeg": _ffmpeg,
}


def _outcome(name: str, check: Callable[[], str]) -> dict[str, str]:
    try:
        return {"status": OK, "message": check()}
    except CheckFailed as error:
        return {"status": FAILED, "message": str(error)}
    except (DatabaseError, OSError, ffmpeg.ToolMissingError):
        log.exception("health check failed", check=name)
        return {"status": FAILED, "message": "not available"}
