"""Reads of the domain: what a caller may see, what is due. Changes nothing."""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from jobs.engine import ffmpeg
from jobs.engine.contract import Tools
from jobs.errors import JobNotFound
from jobs.models import Job, JobLog, MediaFile, Worker
from jobs.states import State

WORKER_SILENCE = timedelta(seconds=30)


def visible_to(user: User) -> QuerySet[Job]:
    """The jobs that a caller may see and change: its own."""
    return Job.objects.filter(owner=user)


def job_of(user: User, public_id: str) -> Job:
    """The caller's job, files prefetched. Raises JobNotFound for unknown ids and for other people's alike."""
    job = visible_to(user).prefetch_related("files").filter(public_id=public_id).first()
    if job is None:
        raise JobNotFound(f"There is no job {public_id!r}.")
    return job


def log_of(job: Job) -> JobLog | None:
    """The job's log, None when no attempt has logged anything."""
    return JobLog.objects.filter(job=job).first()


def servable_file(public_id: str) -> MediaFile:
    """A published file whose bytes are still there. Raises JobNotFound."""
    file = MediaFile.objects.select_related("job").filter(public_id=public_id, deleted_at__isnull=True).first()
    if file is None:
        raise JobNotFound("There is no such file; it may have expired.")
    return file


def queue_length() -> int:
    """Jobs that wait for a worker."""
    return Job.objects.filter(state=State.QUEUED).count()


def tools() -> Tools:
    """The programs that downloads use on this host. Raises ToolMissingError."""
    return ffmpeg.find(settings.FFMPEG_LOCATION, stand_in_directory=settings.STORAGE_DIR / "tools")


def expired() -> QuerySet[Job]:
    """Completed jobs whose files are kept no longer."""
    return Job.objects.filter(state=State.COMPLETED, expires_at__lte=timezone.now())


def orphaned() -> QuerySet[Job]:
    """Running jobs whose worker has been silent for longer than its lease."""
    return Job.objects.filter(state=State.RUNNING, lease_expires_at__lt=timezone.now())


def living_workers() -> QuerySet[Worker]:
    """Workers that gave a sign of life within the last half minute."""
    return Worker.objects.filter(seen_at__gte=timezone.now() - WORKER_SILENCE)
