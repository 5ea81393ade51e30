"""Downloads on the wire: the request with its options, and the Job. Domain rules stand in `jobs.services`."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from jobs.engine import options as engine_options
from jobs.engine import templates
from jobs.engine.contract import FailureCode, FileRole, Options, Phase
from jobs.models import DEFAULT_PRIORITY, Job, MediaFile
from jobs.services import Submission
from jobs.states import State
from media_api.files import link_for
from media_api.links import absolute
from media_api.serializers.base import StrictSerializer, TextField

DEFAULTS = Options()
QUALITIES = ("best", "4k", "1440p", "1080p", "720p", "480p", "360p", "audio", "audio_only")
VIDEO_FORMATS = ("mp4", "mkv", "webm", "avi", "mov", "flv")
AUDIO_FORMATS = ("mp3", "m4a", "flac", "wav", "opus", "aac", "vorbis")
AUDIO_QUALITIES = ("96", "128", "192", "256", "320", "best")
SUBTITLE_FORMATS = ("srt", "vtt", "ass", "lrc")
STATUSES = [state.value for state in State]
PROGRESS_STATUSES = [member.value for member in (*Phase, *State)]
NOT_OPTIONS = ("url", "priority", "cookies_id", "webhook_url")


class LanguageField(TextField):
    """A subtitle language such as `en`, `en-US` or `zh-Hans`."""

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        try:
            engine_options.check_subtitle_language(code)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        return code


class DownloadOptions(StrictSerializer):
    """The options that every request which starts downloads has."""

    quality = serializers.ChoiceField(QUALITIES, default=DEFAULTS.quality, help_text="`audio_only` means `audio`")
    custom_format = TextField(
        default=None,
        allow_null=True,
        max_length=engine_options.MAX_SELECTOR_CHARACTERS,
        help_text="a yt-dlp format selector; overrides `quality`",
    )
    video_format = serializers.ChoiceField(VIDEO_FORMATS, default=DEFAULTS.video_format)
    audio_only = serializers.BooleanField(default=DEFAULTS.audio_only)
    audio_format = serializers.ChoiceField(AUDIO_FORMATS, default=DEFAULTS.audio_format)
    audio_quality = serializers.ChoiceField(
        AUDIO_QUALITIES, default=DEFAULTS.audio_quality, help_text="kbit/s, or `best`"
    )
    download_subtitles = serializers.BooleanField(default=DEFAULTS.download_subtitles)
    subtitle_languages = serializers.ListField(
        child=LanguageField(max_length=35),
        default=lambda: list(DEFAULTS.subtitle_languages),
        min_length=1,
        max_length=20,
    )
    subtitle_format = serializers.ChoiceField(SUBTITLE_FORMATS, default=DEFAULTS.subtitle_format)
    embed_subtitles = serializers.BooleanField(default=DEFAULTS.embed_subtitles)
    auto_subtitles = serializers.BooleanField(default=DEFAULTS.auto_subtitles)
    write_thumbnail = serializers.BooleanField(default=DEFAULTS.write_thumbnail)
    embed_thumbnail = serializers.BooleanField(default=DEFAULTS.embed_thumbnail)
    embed_metadata = serializers.BooleanField(default=DEFAULTS.embed_metadata)
    write_info_json = serializers.BooleanField(default=DEFAULTS.write_info_json)
    path_template = TextField(default=DEFAULTS.path_template, max_length=templates.MAX_TEMPLATE_CHARACTERS)
    cookies_id = TextField(default=None, allow_null=True, help_text="not available yet: leave it null")
    timeout_sec = serializers.IntegerField(
        default=None,
        allow_null=True,
        min_value=60,
        max_value=settings.LONGEST_JOB_SECONDS,
        help_text="seconds for one attempt; the server's setting YTDLP_TIMEOUT when null",
    )
    webhook_url = TextField(default=None, allow_null=True, help_text="not available yet: leave it null")

    def validate_quality(self, value: str) -> str:
        return "audio" if value == "audio_only" else value

    def validate_custom_format(self, value: str | None) -> str | None:
        if value is not None:
            _check(engine_options.check_format_selector, value)
        return value

    def validate_path_template(self, value: str) -> str:
        _check(templates.check, value)
        return value

    def validate_cookies_id(self, value: str | None) -> None:
        if value is not None:
            raise serializers.ValidationError("Cookie jars are not available on this server yet.")

    def validate_webhook_url(self, value: str | None) -> None:
        if value is not None:
            raise serializers.ValidationError("Webhooks are not available on this server yet.")

    def options(self) -> Options:
        """The validated options, for the engine."""
        return Options.from_json({k: v for k, v in self.validated_data.items() if k not in NOT_OPTIONS})


@extend_schema_serializer(component_name="Download")
class DownloadRequest(DownloadOptions):
    """One link to download."""

    url = TextField(max_length=settings.LONGEST_URL, help_text="a link that starts with http:// or https://")
    priority = serializers.IntegerField(
        default=DEFAULT_PRIORITY, min_value=0, max_value=9, help_text="0 to 9, 9 first among your own"
    )

    def get_fields(self) -> dict[str, Any]:
        """What everybody fills in comes first, in forms and among errors."""
        fields = super().get_fields()
        return {name: fields[name] for name in ("url", "priority")} | fields

    def validate_url(self, value: str) -> str:
        if not value.lower().startswith(("http://", "https://")):
            raise serializers.ValidationError("A link starts with http:// or https://.")
        return value

    def submission(self) -> Submission:
        """What `services.submit` takes."""
        data = self.validated_data
        return Submission(url=data["url"], options=self.options(), priority=data["priority"])


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
    logs_url = serializers.SerializerMethodField()
    webhook_sent = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_title(self, job: Job) -> str | None:
        return job.title or None

    @extend_schema_field(FileSerializer(allow_null=True))
    def get_file_info(self, job: Job) -> dict[str, Any] | None:
        files = _present(job)
        media = [file for file in files if file.role == FileRole.MEDIA] or files
        return dict(FileSerializer(media[0], context=self.context).data) if media else None

    @extend_schema_field(FileSerializer(many=True))
    def get_files(self, job: Job) -> list[dict[str, Any]]:
        return [dict(FileSerializer(file, context=self.context).data) for file in _present(job)]

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

    @extend_schema_field(serializers.URLField())
    def get_logs_url(self, job: Job) -> str:
        return absolute(self.context["request"], reverse("download-logs", args=[job.public_id]))

    def get_webhook_sent(self, job: Job) -> bool:
        return False


class JobPage(serializers.Serializer[Any]):
    """A page of downloads."""

    results = JobSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class JobQuery(StrictSerializer):
    """The filters of a list of downloads."""

    form_fields = frozenset()

    status = serializers.ChoiceField(STATUSES, required=False)
    host = serializers.CharField(required=False, max_length=253, help_text="host name of the link")
    created_after = serializers.DateTimeField(required=False, help_text="from then on, ISO 8601")
    created_before = serializers.DateTimeField(required=False, help_text="before then, ISO 8601")
    q = serializers.CharField(required=False, max_length=200, help_text="text that title or link contain")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100, help_text="jobs on a page; default 20")
    cursor = serializers.CharField(required=False, max_length=500, help_text="from `next` or `previous`")


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


def _check(check: Any, value: str) -> None:
    try:
        check(value)
    except ValueError as error:
        raise serializers.ValidationError(str(error)) from error


def _percent(job: Job) -> float:
    if job.state in (State.COMPLETED, State.EXPIRED):
        return 100.0
    return round(min(max(job.percent or 0.0, 0.0), 100.0), 2)


def _present(job: Job) -> list[MediaFile]:
    return [file for file in job.files.all() if file.deleted_at is None]
