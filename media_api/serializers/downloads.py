"""Downloads on the wire: the request with its options, and the Job. Domain rules stand in `jobs.services`."""

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from jobs import circuit, queries
from jobs.circuit import Wait
from jobs.engine import rules, templates
from jobs.engine.contract import FailureCode, FileRole, Options, Phase
from jobs.errors import LinkRefused
from jobs.models import DEFAULT_PRIORITY, Job, MediaFile
from jobs.services import Submission
from jobs.states import State
from jobs.webhooks import addresses
from media_api.files import link_for
from media_api.links import absolute
from media_api.serializers.base import CursorField, JarIdField, LinkField, StrictSerializer, TextField
from media_api.serializers.options import MediaOptions, check

DEFAULTS = Options()
STATUSES = [state.value for state in State]
PROGRESS_STATUSES = [member.value for member in (*Phase, *State)]
OPTIONS = DEFAULTS.to_json().keys()
SHORTEST_ATTEMPT_SECONDS = 60


@extend_schema_field(
    {
        "type": "integer",
        "minimum": SHORTEST_ATTEMPT_SECONDS,
        "maximum": settings.LONGEST_JOB_SECONDS,
        "default": settings.YTDLP_TIMEOUT,
        "nullable": True,
    }
)
class TimeoutField(serializers.IntegerField):
    """Seconds for one attempt. Left out, it stays open: what the setting says counts when the attempt begins."""


class DownloadOptions(MediaOptions):
    """The options that every request which starts downloads has."""

    path_template = TextField(
        default=DEFAULTS.path_template,
        max_length=templates.MAX_TEMPLATE_CHARACTERS,
        help_text="where the result is stored; fields: " + " ".join(f"`{{{name}}}`" for name in templates.FIELDS),
    )
    cookies_id = JarIdField(default=None, allow_null=True, help_text="a cookie jar of yours, for what needs a sign-in")
    timeout_sec: serializers.IntegerField = TimeoutField(
        default=None,
        allow_null=True,
        min_value=SHORTEST_ATTEMPT_SECONDS,
        max_value=settings.LONGEST_JOB_SECONDS,
        help_text="seconds for one attempt; null for the server's setting YTDLP_TIMEOUT",
    )
    webhook_url = LinkField(
        default=None, allow_null=True, help_text="is told of these downloads' events, besides your stored webhooks"
    )

    def validate_path_template(self, value: str) -> str:
        check(templates.check, value)
        return value

    def validate_webhook_url(self, value: str | None) -> str | None:
        if value is not None:
            check_receiver(value)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        problems = rules.contradictions(
            _options(attrs),
            attempt_seconds=settings.YTDLP_TIMEOUT,
            live_seconds=settings.MAX_LIVE_DURATION_SECONDS or None,
        )
        if problems:
            raise serializers.ValidationError({field: [message] for field, message in problems.items()})
        return attrs

    def options(self) -> Options:
        """The validated options, for the engine."""
        return _options(self.validated_data)


@extend_schema_serializer(component_name="Download")
class DownloadRequest(DownloadOptions):
    """One link to download."""

    url = LinkField(help_text="a link that starts with http:// or https://")
    priority = serializers.IntegerField(
        default=DEFAULT_PRIORITY, min_value=0, max_value=9, help_text="0 to 9, 9 first among your own"
    )

    def get_fields(self) -> dict[str, Any]:
        """What everybody fills in comes first, in forms and among errors."""
        fields = super().get_fields()
        return {name: fields[name] for name in ("url", "priority")} | fields

    def submission(self) -> Submission:
        """What `services.submit` takes."""
        data = self.validated_data
        return Submission(
            url=data["url"],
            options=self.options(),
            priority=data["priority"],
            cookies_id=data["cookies_id"] or "",
            webhook_url=data["webhook_url"] or "",
        )


class ProgressSerializer(serializers.Serializer[Job]):
    """How far a job is."""

    percent = serializers.FloatField(help_text="0 to 100")
    downloaded_bytes = serializers.IntegerField(allow_null=True)
    total_bytes = serializers.IntegerField(allow_null=True)
    speed = serializers.FloatField(source="speed_bps", allow_null=True, help_text="bytes a second")
    eta = serializers.FloatField(source="eta_seconds", allow_null=True, help_text="seconds")
    status = serializers.SerializerMethodField(help_text="what a running job is busy with, else the job's status")

    @extend_schema_field(serializers.ChoiceField(PROGRESS_STATUSES))
    def get_status(self, job: Job) -> str:
        return (job.phase if job.state == State.RUNNING else "") or job.state

    def to_representation(self, instance: Job) -> dict[str, Any]:
        return super().to_representation(instance) | {"percent": _percent(instance)}


class FileSerializer(serializers.Serializer[MediaFile]):
    """A result file."""

    file_id = serializers.CharField(source="public_id")
    role = serializers.ChoiceField([role.value for role in FileRole])
    filename = serializers.CharField(source="name")
    file_url = serializers.SerializerMethodField(help_text="a signed link that needs no key and expires")
    file_path = serializers.CharField(source="path", help_text="relative to the storage")
    size_bytes = serializers.IntegerField()
    format = serializers.CharField()
    mime_type = serializers.CharField()
    sha256 = serializers.CharField()
    duration_sec = serializers.FloatField(source="duration_seconds", allow_null=True)
    language = serializers.SerializerMethodField(help_text="of subtitles")

    @extend_schema_field(serializers.URLField())
    def get_file_url(self, file: MediaFile) -> str:
        return link_for(file, self.context["request"])

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_language(self, file: MediaFile) -> str | None:
        return file.language or None


class JobSerializer(serializers.Serializer[Job]):
    """A download: what was asked, how far it is, what came of it."""

    request_id = serializers.CharField(source="public_id")
    url = serializers.CharField()
    title = serializers.SerializerMethodField()
    status = serializers.ChoiceField(STATUSES, source="state")
    priority = serializers.IntegerField()
    batch_id = serializers.SerializerMethodField(help_text="the batch it belongs to")
    position = serializers.IntegerField(allow_null=True, help_text="its place in the batch, from 1")
    progress = ProgressSerializer(source="*")
    file_info = serializers.SerializerMethodField(help_text="the main result")
    files = serializers.SerializerMethodField(help_text="every result file that is still there")
    metadata = serializers.JSONField(allow_null=True)
    error = serializers.SerializerMethodField(help_text="a sentence")
    error_code = serializers.SerializerMethodField()
    attempts = serializers.IntegerField()
    max_attempts = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="when the files are deleted")
    duration_sec = serializers.SerializerMethodField()
    waits_until = serializers.SerializerMethodField(help_text="a queued one does not start before then")
    waits_because = serializers.SerializerMethodField(help_text="why it does not, as a phrase")
    logs_url = serializers.SerializerMethodField()
    webhook_sent = serializers.BooleanField(help_text="whether a receiver has taken the job's last event")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_title(self, job: Job) -> str | None:
        return job.title or None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_batch_id(self, job: Job) -> str | None:
        return job.batch.public_id if job.batch else None

    @extend_schema_field(FileSerializer(allow_null=True))
    def get_file_info(self, job: Job) -> dict[str, Any] | None:
        file = queries.main_file(job)
        return dict(FileSerializer(file, context=self.context).data) if file else None

    @extend_schema_field(FileSerializer(many=True))
    def get_files(self, job: Job) -> list[dict[str, Any]]:
        return [dict(FileSerializer(file, context=self.context).data) for file in queries.present_files(job)]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, job: Job) -> str | None:
        return job.error or None

    @extend_schema_field(serializers.ChoiceField([code.value for code in FailureCode], allow_null=True))
    def get_error_code(self, job: Job) -> str | None:
        return job.error_code or None

    def get_max_attempts(self, job: Job) -> int:
        return int(settings.MAX_ATTEMPTS)

    def get_duration_sec(self, job: Job) -> float | None:
        duration = job.duration()
        return None if duration is None else round(duration.total_seconds(), 3)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_waits_until(self, job: Job) -> str | None:
        wait = self._wait(job)
        return serializers.DateTimeField().to_representation(wait.until) if wait else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_waits_because(self, job: Job) -> str | None:
        wait = self._wait(job)
        return wait.reason if wait else None

    def _wait(self, job: Job) -> Wait | None:
        """What sites are spared is read once for all jobs of an answer, and only when one is queued."""
        if job.state != State.QUEUED:
            return None
        shared = cast(dict[str, Any], self.context)
        if "spared" not in shared:
            shared["spared"] = circuit.spared()
        return circuit.wait_of(job, shared["spared"])

    @extend_schema_field(serializers.URLField())
    def get_logs_url(self, job: Job) -> str:
        return absolute(self.context["request"], reverse("download-logs", args=[job.public_id]))


@extend_schema_serializer(many=False)
class JobPage(serializers.Serializer[Any]):
    """A page of downloads."""

    results = JobSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class JobQuery(StrictSerializer):
    """The filters of a list of downloads."""

    form_fields = frozenset()

    status = serializers.ChoiceField(STATUSES, required=False)
    batch = serializers.CharField(required=False, max_length=40, help_text="id of the batch they belong to")
    host = serializers.CharField(required=False, max_length=253, help_text="host name of the link")
    created_after = serializers.DateTimeField(required=False, help_text="from then on, ISO 8601")
    created_before = serializers.DateTimeField(required=False, help_text="before then, ISO 8601")
    q = serializers.CharField(
        required=False, max_length=200, allow_blank=True, help_text="text that title or link contain"
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, help_text="jobs on a page; default 20")
    cursor = CursorField()


class LogSerializer(serializers.Serializer[Any]):
    """What the attempts at a download logged."""

    request_id = serializers.CharField()
    logs = serializers.ListField(child=serializers.CharField(), help_text="oldest first")
    log_level = serializers.CharField()
    total_lines = serializers.IntegerField(help_text="lines ever logged, dropped ones included")
    truncated = serializers.BooleanField(help_text="whether older lines were dropped")


class CancelSerializer(serializers.Serializer[Any]):
    """What a cancellation did."""

    request_id = serializers.CharField()
    status = serializers.ChoiceField(STATUSES)
    cancelled_jobs = serializers.IntegerField()
    message = serializers.CharField()
    timestamp = serializers.DateTimeField()


def check_receiver(url: str) -> None:
    """Raise ValidationError unless messages may be sent to the address."""
    try:
        addresses.accepted_host(url, field="webhook_url")
    except LinkRefused as refusal:
        raise serializers.ValidationError(str(refusal)) from refusal


def _options(data: Mapping[str, Any]) -> Options:
    return Options.from_json({name: value for name, value in data.items() if name in OPTIONS})


def _percent(job: Job) -> float:
    if job.state in (State.COMPLETED, State.EXPIRED):
        return 100.0
    return round(min(max(job.percent or 0.0, 0.0), 100.0), 2)
