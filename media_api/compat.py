"""The API as older clients know it, translated into `/api/v1` and back: other paths for the same calls, and the
unversioned API of the product's second version. Nothing is decided here.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies
from accounts.authentication import caller
from accounts.models import ApiKey, User
from jobs import queries, services
from jobs.models import Job
from jobs.states import State
from media_api.errors import Code
from media_api.examples import compat as examples
from media_api.files import link_for
from media_api.links import absolute
from media_api.parsers import BoundedJSONParser
from media_api.serializers.base import LinkField, TextField
from media_api.serializers.downloads import SHORTEST_ATTEMPT_SECONDS, DownloadRequest
from media_api.views.base import ApiViewSet

# Other paths of the same calls: theirs, then ours.
ALIASES = {
    "api/v1/downloads": "api/v1/download",
    "api/v1/downloads/<slug:public_id>": "api/v1/download/<slug:public_id>",
    "api/v1/downloads/<slug:public_id>/logs": "api/v1/download/<slug:public_id>/logs",
    "api/v1/auth/cookies": "api/v1/cookies",
    "api/v1/auth/cookies/<slug:public_id>": "api/v1/cookies/<slug:public_id>",
    "api/v1/metadata/formats": "api/v1/formats",
    "api/v1/metadata/metadata": "api/v1/metadata",
    "api/v1/playlist/info": "api/v1/playlist/preview",
    "api/v1/stats": "api/v1/health/stats",
    "healthz": "api/v1/health",
    "metrics": "api/v1/metrics",
    "readyz": "api/v1/readyz",
}
ALIAS_PATHS = frozenset("/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in ALIASES)

JAR_ID = re.compile("cookie_[0-9a-f]+")
DEFAULT_FORMAT = "bv*+ba/best"
NAMES = {"url": "url", "format": "custom_format", "path": "path_template", "webhook": "webhook_url"} | {
    "timeout_sec": "timeout_sec"
}
STATUSES = QUEUED, RUNNING, DONE, ERROR = ("QUEUED", "RUNNING", "DONE", "ERROR")
STATUS_OF: Mapping[str, str] = {
    State.QUEUED: QUEUED,
    State.PAUSED: QUEUED,
    State.RUNNING: RUNNING,
    State.COMPLETED: DONE,
    State.EXPIRED: DONE,
    State.FAILED: ERROR,
    State.CANCELLED: ERROR,
}


class OldDownloadRequest(serializers.Serializer[Any]):
    """A link to download, in the older words. Fields that it does not know are ignored, as they always were."""

    url = LinkField()
    dest = serializers.ChoiceField(("RAILWAY",), default="RAILWAY", help_text="the service's own storage")
    path = TextField(required=False, help_text="`path_template` of today's API")
    format = TextField(default=DEFAULT_FORMAT, help_text="a yt-dlp format selector")
    webhook = LinkField(required=False, allow_null=True, allow_blank=True)
    cookies = TextField(
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        help_text="the id of a cookie jar, or text in Netscape's format, which is kept as a jar of the caller's",
    )
    timeout_sec = serializers.IntegerField(
        default=1800, min_value=SHORTEST_ATTEMPT_SECONDS, max_value=settings.LONGEST_JOB_SECONDS
    )

    def request(self, cookies_id: str) -> DownloadRequest:
        """The same in today's words, validated. Raises ValidationError in the older ones."""
        told = {NAMES[name]: value for name, value in self.validated_data.items() if name in NAMES and value}
        told["cookies_id"] = cookies_id or None
        if told.get("custom_format") == DEFAULT_FORMAT:
            del told["custom_format"]
        request = DownloadRequest(data=told)
        if not request.is_valid():
            theirs = {ours: name for name, ours in NAMES.items()}
            raise serializers.ValidationError({theirs.get(name, name): why for name, why in request.errors.items()})
        return request


class OldJobSerializer(serializers.Serializer[Job]):
    """A download in the older words."""

    status = serializers.SerializerMethodField()
    request_id = serializers.CharField(source="public_id")
    file_url = serializers.SerializerMethodField()
    bytes = serializers.SerializerMethodField()
    duration_sec = serializers.SerializerMethodField()
    logs_url = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    deletion_time = serializers.DateTimeField(source="expires_at", allow_null=True)

    @extend_schema_field(serializers.ChoiceField(STATUSES))
    def get_status(self, job: Job) -> str:
        return STATUS_OF[job.state]

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_file_url(self, job: Job) -> str | None:
        file = queries.main_file(job)
        return link_for(file, self.context["request"]) if file else None

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_bytes(self, job: Job) -> int | None:
        file = queries.main_file(job)
        return file.size_bytes if file else None

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_duration_sec(self, job: Job) -> float | None:
        duration = job.duration()
        return None if duration is None else round(duration.total_seconds(), 3)

    @extend_schema_field(serializers.URLField())
    def get_logs_url(self, job: Job) -> str:
        return absolute(self.context["request"], f"/downloads/{job.public_id}/logs")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, job: Job) -> str | None:
        return "The download was cancelled." if job.state == State.CANCELLED else job.error or None


class OldLogSerializer(serializers.Serializer[Any]):
    """What the attempts at a download logged, in the older words."""

    request_id = serializers.CharField()
    logs = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(STATUSES)
    log_count = serializers.IntegerField()


class OldDownloads(ApiViewSet):
    """`/download` and `/downloads` without a version, kept for clients of the product's second version."""

    tag = "older clients"
    renderer_classes = (JSONRenderer,)
    parser_classes = (BoundedJSONParser,)
    can_fail_with = {"create": (Code.QUEUE_FULL, Code.QUOTA_EXCEEDED)}

    @extend_schema(
        operation_id="old_start_download",
        summary="Start a download, in the older words",
        request=OldDownloadRequest,
        responses={200: OldJobSerializer},
        examples=[examples.REQUEST, examples.JOB],
        deprecated=True,
    )
    def create(self, request: Request) -> Response:
        body = OldDownloadRequest(data=request.data)
        body.is_valid(raise_exception=True)
        key = request.auth if isinstance(request.auth, ApiKey) else None
        owner = caller(request)
        with transaction.atomic():  # no jar is left of a download that is refused
            jar = _jar_of(owner, body.validated_data.get("cookies") or "")
            job = services.submit(owner, body.request(jar).submission(), api_key=key)
        return self._answer(request, job)

    @extend_schema(
        operation_id="old_get_download",
        summary="Look at a download, in the older words",
        responses={200: OldJobSerializer},
        examples=[examples.JOB],
        deprecated=True,
    )
    def retrieve(self, request: Request, public_id: str) -> Response:
        return self._answer(request, queries.job_of(caller(request), public_id))

    @extend_schema(
        operation_id="old_get_download_log",
        summary="Read a download's log, in the older words",
        responses={200: OldLogSerializer},
        examples=[examples.LOG],
        deprecated=True,
    )
    def logs(self, request: Request, public_id: str) -> Response:
        job = queries.job_of(caller(request), public_id)
        log = queries.log_of(job)
        lines = log.lines if log else []
        told = {"request_id": job.public_id, "logs": lines, "status": STATUS_OF[job.state], "log_count": len(lines)}
        return Response(OldLogSerializer(told).data)

    def _answer(self, request: Request, job: Job) -> Response:
        return Response(OldJobSerializer(job, context={"request": request}).data)


def _jar_of(owner: User, told: str) -> str:
    """The id of the jar that `cookies` names, or of the one that keeps its text: the same text has one jar.

    Raises ValidationError, or CookiesRefused.
    """
    if not told.strip():
        return ""
    try:
        if JAR_ID.fullmatch(told.strip()):
            return cookies.jar_of(owner, told.strip()).public_id
        name = f"older-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
        return cookies.store(owner, name, told).jar.public_id
    except (cookies.JarNotFound, cookies.TooManyJars) as refusal:
        raise serializers.ValidationError({"cookies": [str(refusal)]}) from refusal
