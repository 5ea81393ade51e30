"""How long files stay: results until they expire, partial files until their job is over."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle, queries, storage
from jobs.models import Job
from jobs.states import State

log = structlog.get_logger(__name__)

BATCH = 200


def expiry_from_now() -> datetime | None:
    """When a result published now expires; None when results are kept for ever."""
    hours = settings.FILE_RETENTION_HOURS
    return timezone.now() + timedelta(hours=hours) if hours else None


def expire_due() -> int:
    """Delete the files of every job whose time is over. Returns how many jobs that were."""
    return sum(expire(job, reason="kept long enough") for job in queries.expired()[:BATCH])


def expire(job: Job, *, reason: str) -> bool:
    """Delete a completed job's files; its row stays as expired.

    Bytes go first: after a crash in between, the next run deletes again and completes the record.
    """
    for file in job.files.filter(deleted_at__isnull=True):
        storage.delete_result(file.path)
    with transaction.atomic():
        moved = lifecycle.move(job, State.EXPIRED, reason=reason)
        if moved:
            job.files.filter(deleted_at__isnull=True).update(deleted_at=timezone.now())
    return moved


def discard_partial_files(job: Job) -> None:
    """Throw away what attempts of a finished job left behind on this host."""
    storage.discard_work_directory(job.public_id)
