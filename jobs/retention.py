"""How long files stay: results until they expire, partial files until their job is over."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from jobs import lifecycle, queries, storage
from jobs.models import Job, MediaFile
from jobs.states import LIVE, State

log = structlog.get_logger(__name__)

BATCH = 200
STRAY_AGE = timedelta(hours=1)


def expiry_from_now() -> datetime | None:
    """When a result published now expires; None when results are kept for ever."""
    hours = settings.FILE_RETENTION_HOURS
    return timezone.now() + timedelta(hours=hours) if hours else None


def expire_due() -> int:
    """Delete the files of every job whose time is over. Returns how many jobs that were."""
    return sum(expire(job, reason="kept long enough") for job in queries.expired()[:BATCH])


def expire(job: Job, *, reason: str) -> bool:
    """Delete a completed job's files; its row stays as expired.

    The record comes first, so that of two that try only one deletes, and nobody else's file of the same name. Bytes
    that a crash leaves behind are found by `sweep_strays`.
    """
    now = timezone.now()
    with transaction.atomic():
        if not lifecycle.move(job, State.EXPIRED, reason=reason):
            return False
        paths = list(job.files.filter(deleted_at__isnull=True).values_list("path", flat=True))
        job.files.filter(deleted_at__isnull=True).update(deleted_at=now)
    for path in paths:
        try:
            storage.delete_result(path)
        except OSError:
            log.exception("result not deleted", job=job.public_id)
    return True


def end(job: Job, target: State, **move: Any) -> bool:
    """`lifecycle.move` to a terminal state, with what the attempts left thrown away.

    The directory is taken from the job within the transaction, so that a retry that comes at once gets one of its own.
    """
    with transaction.atomic():
        moved = lifecycle.move(job, target, **move)
        aside = storage.set_aside(job.public_id) if moved else None
    storage.discard(aside)
    return moved


def give_back(job: Job, **move: Any) -> bool:
    """`lifecycle.give_back`, with what the attempts left thrown away if the job turns out to be cancelled."""
    with transaction.atomic():
        moved = lifecycle.give_back(job, **move)
        aside = storage.set_aside(job.public_id) if moved and job.state == State.CANCELLED else None
    storage.discard(aside)
    return moved


def sweep_strays() -> int:
    """Delete stored files that no row knows: their worker died between publishing and recording. Returns how many."""
    deleted = 0
    names = storage.results_before(timezone.now() - STRAY_AGE)
    while some := list(islice(names, BATCH)):
        known = MediaFile.objects.filter(path__in=some, deleted_at__isnull=True).values_list("path", flat=True)
        for name in set(some) - set(known):
            storage.delete_result(name)
            deleted += 1
    if deleted:
        log.warning("stray files deleted", files=deleted)
    return deleted


def sweep_work_directories() -> int:
    """Delete this host's work directories whose job is over or unknown. Returns how many."""
    names = storage.work_directories()
    live = set(Job.objects.filter(public_id__in=names, state__in=LIVE).values_list("public_id", flat=True))
    dead = set(names) - live
    for name in dead:
        storage.discard(storage.work_directory(name))
    return len(dead)
