"""Reads of the domain: what a caller may see, what is due. Changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from jobs import leases
from jobs.engine import ffmpeg, updates
from jobs.engine.contract import FileRole, Tools
from jobs.errors import JobNotFound, NotFound
from jobs.models import Batch, Delivery, Job, JobLog, MediaFile, WebhookEndpoint, Worker
from jobs.states import TERMINAL, BatchKind, State

WORKER_SILENCE = timedelta(seconds=30)
UNDO_TIME = timedelta(seconds=10)  # for which a deletion can be taken back


def visible_to(user: User) -> QuerySet[Job]:
    """The jobs that a caller may see and change: its own."""
    return Job.objects.filter(owner=user)


def job_of(user: User, public_id: str) -> Job:
    """The caller's job, files prefetched. Raises JobNotFound for unknown ids and for other people's alike."""
    job = visible_to(user).prefetch_related("files").filter(public_id=public_id).first()
    if job is None:
        raise JobNotFound(f"There is no job {public_id!r}.")
    return job


def batches_visible_to(user: User) -> QuerySet[Batch]:
    """The batches of downloads that a caller may see and change: its own."""
    return Batch.objects.filter(owner=user).exclude(kind=BatchKind.METADATA)


def batch_of(user: User, public_id: str) -> Batch:
    """The caller's batch. Raises NotFound for unknown ids and for other people's alike."""
    batch = batches_visible_to(user).filter(public_id=public_id).first()
    if batch is None:
        raise NotFound(f"There is no batch {public_id!r}.")
    return batch


@dataclass
class Figures:
    """How far a batch is: its jobs by state, and the sum of what its running ones have done."""

    jobs: dict[str, int] = field(default_factory=dict)
    running_percent: float = 0.0

    def total(self) -> int:
        """All its jobs."""
        return sum(self.jobs.values())

    def of(self, *states: State) -> int:
        """How many of its jobs are in these states."""
        return sum(self.jobs.get(state, 0) for state in states)

    def percent(self) -> float:
        """0 to 100; what has ended counts as done, however it ended."""
        done = 100.0 * self.of(*TERMINAL) + self.running_percent
        return round(min(done / self.total(), 100.0), 2) if self.total() else 0.0


def figures_of(batches: Iterable[Batch]) -> dict[int, Figures]:
    """The figures of each batch, by primary key, in one query."""
    figures = {batch.pk: Figures() for batch in batches}
    rows = Job.objects.filter(batch__in=list(figures)).order_by().values("batch", "state")
    for row in rows.annotate(jobs=Count("id"), done=Sum("percent")):
        figures[row["batch"]].jobs[row["state"]] = row["jobs"]
        if row["state"] == State.RUNNING:
            figures[row["batch"]].running_percent = row["done"] or 0.0
    return figures


def jobs_of_batch(batch: Batch) -> QuerySet[Job]:
    """Its jobs in their order, files prefetched, without the wide columns that lists do not show."""
    jobs = Job.objects.filter(batch=batch).order_by("position", "id").prefetch_related("files")
    return jobs.defer("metadata", "provenance", "options", "template_values")


def log_of(job: Job) -> JobLog | None:
    """The job's log, None when no attempt has logged anything."""
    return JobLog.objects.filter(job=job).first()


def present_files(job: Job) -> list[MediaFile]:
    """The job's result files whose bytes are still there; none while it waits for their deletion."""
    return [] if job.deletion_asked_at else [file for file in job.files.all() if file.deleted_at is None]


def main_file(job: Job) -> MediaFile | None:
    """The result that a caller means when it asks for one file."""
    files = present_files(job)
    media = [file for file in files if file.role == FileRole.MEDIA]
    return next(iter([*media, *files]), None)


def servable_file(public_id: str) -> MediaFile:
    """A published file whose bytes are still there. Raises JobNotFound."""
    kept = MediaFile.objects.filter(deleted_at__isnull=True, job__deletion_asked_at__isnull=True)
    file = kept.select_related("job").filter(public_id=public_id).first()
    if file is None:
        raise JobNotFound("There is no such file; it may have expired.")
    return file


def queue_length() -> int:
    """Jobs that wait for a worker."""
    return Job.objects.filter(state=State.QUEUED).count()


def tools() -> Tools:
    """The programs that downloads use on this host. Raises ToolMissingError."""
    return ffmpeg.find(settings.FFMPEG_LOCATION, stand_in_directory=settings.STORAGE_DIR / "tools")


def engine_version() -> str:
    """The yt-dlp that downloads run with, as far as this host tells: the chosen one, else the one that came along."""
    chosen = updates.chosen(settings.ENGINE_DIR)
    return chosen.name if chosen else updates.bundled()


def expired() -> QuerySet[Job]:
    """Completed jobs whose files are kept no longer, or were deleted by their owner who has not taken it back."""
    now = timezone.now()
    is_deleted = Q(deletion_asked_at__lte=now - UNDO_TIME)
    return Job.objects.filter(Q(expires_at__lte=now) | is_deleted, state=State.COMPLETED)


def orphaned() -> QuerySet[Job]:
    """Running jobs whose worker has been silent for longer than its lease."""
    return Job.objects.filter(leases.has_lapsed(), state=State.RUNNING)


def living_workers() -> QuerySet[Worker]:
    """Workers that gave a sign of life within the last half minute."""
    return Worker.objects.filter(seen_at__gte=timezone.now() - WORKER_SILENCE)


def webhooks_visible_to(user: User) -> QuerySet[WebhookEndpoint]:
    """A caller's own endpoints, oldest first."""
    return WebhookEndpoint.objects.filter(owner=user)


def webhook_of(user: User, public_id: str) -> WebhookEndpoint:
    """The caller's endpoint. Raises NotFound for unknown ids and for other people's alike."""
    endpoint = webhooks_visible_to(user).filter(public_id=public_id).first()
    if endpoint is None:
        raise NotFound(f"There is no webhook {public_id!r}.")
    return endpoint


def deliveries_visible_to(user: User) -> QuerySet[Delivery]:
    """The messages to a caller's receivers."""
    return Delivery.objects.filter(owner=user).select_related("endpoint", "job", "batch")


def delivery_of(user: User, public_id: str) -> Delivery:
    """The caller's message, attempts prefetched. Raises NotFound for unknown ids and for other people's alike."""
    delivery = deliveries_visible_to(user).prefetch_related("log").filter(public_id=public_id).first()
    if delivery is None:
        raise NotFound(f"There is no delivery {public_id!r}.")
    return delivery
