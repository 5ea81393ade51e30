"""Batches on the wire: the request for one, as JSON or with a file of links, and the Batch. Rules stand in
`jobs.batch_services`.
"""

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from jobs import queries
from jobs.batch_services import PATH_TEMPLATE, BatchSubmission, Link
from jobs.engine import templates
from jobs.engine.contract import FailureCode
from jobs.models import DEFAULT_PRIORITY, Batch, Job
from jobs.states import TERMINAL, BatchKind, State
from media_api.serializers.base import CursorField, LinkField, LinksField, StrictSerializer, TextField
from media_api.serializers.downloads import STATUSES, DownloadOptions, FileSerializer, ProgressSerializer

MOST_LINKS = 100
JOBS_ON_A_PAGE = 1000
KINDS = [BatchKind.LINKS.value, BatchKind.PLAYLIST.value, BatchKind.CHANNEL.value]
FIRST = ("url", "urls", "file", "priority", "concurrent_limit", "stop_on_error")


class LinksFileField(serializers.FileField):
    """A text file of links, one a line; becomes pairs of line number and link. Errors name the line."""

    def to_internal_value(self, data: Any) -> Any:
        file: Any = super().to_internal_value(data)
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise serializers.ValidationError("The file is not text in UTF-8.") from error
        lines = enumerate((line.strip() for line in re.split(r"\r\n|\n|\r", text)), 1)
        links = [(number, line) for number, line in lines if line and not line.startswith("#")]
        _refuse_lines(links)
        if not 1 <= len(links) <= MOST_LINKS:
            raise serializers.ValidationError(f"A file has 1 to {MOST_LINKS} links; this one has {len(links)}.")
        return links


class GroupOptions(DownloadOptions):
    """What every request has that starts several downloads at once."""

    priority = serializers.IntegerField(
        default=DEFAULT_PRIORITY, min_value=0, max_value=9, help_text="0 to 9, 9 first among your own"
    )
    ignore_errors = serializers.BooleanField(
        default=True, help_text="false: a failed download cancels those that have not begun"
    )

    def get_fields(self) -> dict[str, Any]:
        """What everybody fills in comes first, in forms and among errors."""
        fields = super().get_fields()
        return {name: fields[name] for name in FIRST if name in fields} | fields

    def shared(self) -> dict[str, Any]:
        """What submissions of all kinds have, by its name in the domain."""
        data = self.validated_data
        return {
            "options": self.options(),
            "priority": data["priority"],
            "cookies_id": data["cookies_id"] or "",
            "webhook_url": data["webhook_url"] or "",
            "concurrent_limit": data["concurrent_limit"],
            "stop_on_error": data.get("stop_on_error", False) or not data["ignore_errors"],
        }


class BatchOptions(GroupOptions):
    """What a batch of links has, however the links come."""

    concurrent_limit = serializers.IntegerField(
        default=3, min_value=1, max_value=10, help_text="downloads of the batch that run at once"
    )
    stop_on_error = serializers.BooleanField(
        default=False, help_text="a failed download cancels those that have not begun"
    )
    path_template = TextField(default=PATH_TEMPLATE, max_length=templates.MAX_TEMPLATE_CHARACTERS)


@extend_schema_serializer(component_name="Batch")
class BatchRequest(BatchOptions):
    """Links to download together."""

    urls = LinksField(max_length=MOST_LINKS)

    def submission(self) -> BatchSubmission:
        """What `batch_services.submit_batch` takes."""
        links = tuple(Link(url, f"urls.{number}") for number, url in enumerate(self.validated_data["urls"]))
        return BatchSubmission(links=links, **self.shared())


@extend_schema_serializer(component_name="BatchFile")
class BatchFileRequest(BatchOptions):
    """A text file of links to download together."""

    file = LinksFileField(help_text="one link a line; empty lines and those that begin with # are ignored")

    def submission(self) -> BatchSubmission:
        """What `batch_services.submit_batch` takes."""
        links = tuple(Link(url, "file", line) for line, url in self.validated_data["file"])
        return BatchSubmission(links=links, **self.shared())


class BatchJobSerializer(serializers.Serializer[Job]):
    """A download of a batch, in short."""

    job_id = serializers.CharField(source="public_id", help_text="the download's `request_id`")
    position = serializers.IntegerField(help_text="its place in the batch, from 1")
    url = serializers.CharField()
    status = serializers.ChoiceField(STATUSES, source="state")
    title = serializers.SerializerMethodField()
    progress = ProgressSerializer(source="*")
    file_info = serializers.SerializerMethodField(help_text="the main result")
    error = serializers.SerializerMethodField(help_text="a sentence")
    error_code = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_title(self, job: Job) -> str | None:
        return job.title or None

    @extend_schema_field(FileSerializer(allow_null=True))
    def get_file_info(self, job: Job) -> dict[str, Any] | None:
        file = queries.main_file(job)
        return dict(FileSerializer(file, context=self.context).data) if file else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, job: Job) -> str | None:
        return job.error or None

    @extend_schema_field(serializers.ChoiceField([code.value for code in FailureCode], allow_null=True))
    def get_error_code(self, job: Job) -> str | None:
        return job.error_code or None


class BatchProgressSerializer(serializers.Serializer[Any]):
    """How far a batch is."""

    percent = serializers.FloatField(help_text="0 to 100; a download that ended counts as done, however it ended")
    text = serializers.CharField(help_text="such as 5/20: downloads that ended, of all")


class BatchSummarySerializer(serializers.Serializer[Batch]):
    """Downloads that were asked for together, without the single ones. Needs `figures` in its context."""

    batch_id = serializers.CharField(source="public_id")
    kind = serializers.ChoiceField(KINDS)
    url = serializers.SerializerMethodField(help_text="of the playlist or channel")
    title = serializers.SerializerMethodField(help_text="of the playlist or channel")
    status = serializers.ChoiceField(STATUSES, source="state")
    total_jobs = serializers.SerializerMethodField(help_text="0 while the list is being read")
    completed_jobs = serializers.SerializerMethodField()
    failed_jobs = serializers.SerializerMethodField()
    running_jobs = serializers.SerializerMethodField()
    queued_jobs = serializers.SerializerMethodField()
    paused_jobs = serializers.SerializerMethodField()
    cancelled_jobs = serializers.SerializerMethodField()
    skipped_jobs = serializers.IntegerField(
        source="skipped", help_text="entries left out because they were downloaded before"
    )
    progress = serializers.SerializerMethodField()
    concurrent_limit = serializers.IntegerField(allow_null=True)
    stop_on_error = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    duration_sec = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField(help_text="a sentence")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_url(self, batch: Batch) -> str | None:
        return batch.url or None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_title(self, batch: Batch) -> str | None:
        return batch.title or None

    def get_total_jobs(self, batch: Batch) -> int:
        return self._figures(batch).total()

    def get_completed_jobs(self, batch: Batch) -> int:
        return self._figures(batch).of(State.COMPLETED, State.EXPIRED)

    def get_failed_jobs(self, batch: Batch) -> int:
        return self._figures(batch).of(State.FAILED)

    def get_running_jobs(self, batch: Batch) -> int:
        return self._figures(batch).of(State.RUNNING)

    def get_queued_jobs(self, batch: Batch) -> int:
        return self._figures(batch).of(State.QUEUED)

    def get_paused_jobs(self, batch: Batch) -> int:
        return self._figures(batch).of(State.PAUSED)

    def get_cancelled_jobs(self, batch: Batch) -> int:
        return self._figures(batch).of(State.CANCELLED)

    @extend_schema_field(BatchProgressSerializer)
    def get_progress(self, batch: Batch) -> dict[str, Any]:
        figures = self._figures(batch)
        percent = 100.0 if batch.state in TERMINAL else figures.percent()
        return {"percent": percent, "text": f"{figures.of(*TERMINAL)}/{figures.total()}"}

    def get_duration_sec(self, batch: Batch) -> float | None:
        duration = batch.duration()
        return None if duration is None else round(duration.total_seconds(), 3)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, batch: Batch) -> str | None:
        return batch.error or None

    def _figures(self, batch: Batch) -> queries.Figures:
        figures: queries.Figures = self.context["figures"][batch.pk]
        return figures


class BatchSerializer(BatchSummarySerializer):
    """Downloads that were asked for together. Needs `jobs`, those of the page, and `page` in its context besides."""

    jobs = serializers.SerializerMethodField(help_text=f"those of the page: {JOBS_ON_A_PAGE} unless asked otherwise")
    page = serializers.SerializerMethodField()
    total_pages = serializers.SerializerMethodField()

    @extend_schema_field(BatchJobSerializer(many=True))
    def get_jobs(self, batch: Batch) -> list[dict[str, Any]]:
        jobs = self.context["jobs"]
        return [dict(one) for one in BatchJobSerializer(jobs, many=True, context=self.context).data]

    def get_page(self, batch: Batch) -> int:
        return int(self.context["page"])

    def get_total_pages(self, batch: Batch) -> int:
        page_size: int = self.context["page_size"]
        return max(1, -(-self._figures(batch).total() // page_size))


@extend_schema_serializer(many=False)
class BatchPage(serializers.Serializer[Any]):
    """A page of batches."""

    results = BatchSummarySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class BatchListQuery(StrictSerializer):
    """The filters of a list of batches."""

    form_fields = frozenset()

    status = serializers.ChoiceField(STATUSES, required=False)
    kind = serializers.ChoiceField(KINDS, required=False)
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=100, help_text="batches on a page; default 20"
    )
    cursor = CursorField()


class BatchQuery(StrictSerializer):
    """Which of a batch's downloads are shown."""

    form_fields = frozenset()

    page = serializers.IntegerField(default=1, min_value=1, max_value=1_000_000, help_text="of its downloads, from 1")
    page_size = serializers.IntegerField(default=JOBS_ON_A_PAGE, min_value=1, max_value=JOBS_ON_A_PAGE)


def _refuse_lines(links: list[tuple[int, str]]) -> None:
    """Raise ValidationError with every line that is no link, or one that stands there already."""
    problems: list[str] = []
    first: dict[str, int] = {}
    for number, link in links[: 10 * MOST_LINKS]:
        try:
            LinkField().run_validation(link)
        except serializers.ValidationError as error:
            problems += [f"Line {number}: {sentence}" for sentence in _sentences(error)]
        if first.setdefault(link, number) != number:
            problems.append(f"Line {number}: The same link as in line {first[link]}.")
    if problems:
        raise serializers.ValidationError(problems)


def _sentences(error: serializers.ValidationError) -> list[str]:
    return [str(detail) for detail in error.detail]
