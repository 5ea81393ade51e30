"""How long files stay: results until they expire, partial files until their job is over."""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs import lifecycle, queries, storage, unrecorded
from jobs.engine import workspace
from jobs.models import Extraction, Job, MediaFile
from jobs.states import LIVE, ExtractionState, State

log = structlog.get_logger(__name__)

BATCH = 200


def expiry_from_now() -> datetime | None:
    """When a result published now expires; None when results are kept for ever."""
    hours = settings.FILE_RETENTION_HOURS
    return timezone.now() + timedelta(hours=hours) if hours else None


def extended(job: Job) -> datetime | None:
    """When a completed job's files expire if they are kept longer; None when they are kept for ever then.

    That may be no later than they do already: MAX_RETENTION_HOURS counts from the job's end.
    """
    hours, most = settings.FILE_RETENTION_HOURS, settings.MAX_RETENTION_HOURS
    if job.expires_at is None or not hours:
        return None
    until = max(job.expires_at, timezone.now()) + timedelta(hours=hours)
    return until if not most else min(until, (job.completed_at or timezone.now()) + timedelta(hours=most))


def expire_due() -> int:
    """Delete the files of every job whose time is over. Returns how many jobs that were."""
    return sum(_expire_unchanged(job) for job in queries.expired()[:BATCH])


def expire(job: Job, *, reason: str, only_if: lifecycle.Conditions | None = None, spare_readers: bool = False) -> bool:
    """Delete a completed job's files; its row stays as expired. With `only_if`, only while these conditions hold; with
    `spare_readers`, only while nobody fetches one of them.

    The record comes first, so that of two that try only one deletes, and nobody else's file of the same name. Bytes
    that a crash leaves behind are found by `sweep_strays`.
    """
    now = timezone.now()
    with transaction.atomic():
        if not lifecycle.move(job, State.EXPIRED, reason=reason, only_if=only_if, deletion_asked_at=None):
            return False
        kept = job.files.filter(deleted_at__isnull=True)
        paths = list(kept.values_list("path", flat=True))
        unread = kept.filter(Q(read_until__isnull=True) | Q(read_until__lte=now)) if spare_readers else kept
        if unread.update(deleted_at=now) < len(paths):  # a reader came since the job was chosen
            transaction.set_rollback(True)
            return False
    for path in paths:
        try:
            storage.delete_result(path)
        except OSError:
            log.exception("result not deleted", job=job.public_id)
    return True


def _expire_unchanged(job: Job) -> bool:
    """Unless its owner has prolonged it, or taken its deletion back, since it was read."""
    reason = "deleted by the caller" if job.deletion_asked_at else "kept long enough"
    as_read = {"expires_at": job.expires_at, "deletion_asked_at": job.deletion_asked_at}
    return expire(job, reason=reason, only_if=as_read)


def end(job: Job, target: State, **move: Any) -> bool:
    """`lifecycle.move` to a terminal state, with what the attempts left thrown away.

    The directory is taken from the job within the transaction, so that a retry that comes at once gets one of its own.
    """
    with transaction.atomic():
        moved = lifecycle.move(job, target, **move)
        aside = _set_aside(job) if moved else None
    storage.discard(aside)
    return moved


def give_back(job: Job, **move: Any) -> bool:
    """`lifecycle.give_back`, with what the attempts left thrown away if the job turns out to be cancelled."""
    with transaction.atomic():
        moved = lifecycle.give_back(job, **move)
        aside = _set_aside(job) if moved and job.state == State.CANCELLED else None
    storage.discard(aside)
    return moved


def _set_aside(job: Job) -> Path | None:
    """A disk that is lost must not keep a job from its end: a sweep finds what is left when it comes back."""
    try:
        return storage.set_aside(job.public_id)
    except OSError:
        log.exception("work directory not set aside", job=job.public_id)
        return None


def sweep_strays() -> int:
    """Delete stored files that no row knows: their worker died between publishing and recording. Returns how many.

    Uploads that broke off go with them. Raises `storage.Unavailable`.
    """
    settled = timezone.now() - storage.settle_time()
    deleted = storage.abort_uploads(settled)
    names = storage.results_before(settled)
    while some := list(islice(names, BATCH)):
        known = MediaFile.objects.filter(path__in=some, deleted_at__isnull=True).values_list("path", flat=True)
        for name in set(some) - set(known):
            storage.delete_result(name)
            deleted += 1
    if deleted:
        log.warning("stray files deleted", files=deleted)
    return deleted


def sweep_work_directories() -> int:
    """Delete this host's work directories whose job or extraction is over or unknown. Returns how many.

    What still runs in them is ended, and in those of jobs that wait too: their workers died without taking it along.
    """
    processes = workspace.processes_by_directory(settings.WORK_DIR)  # before the states: none of a later attempt
    notes = unrecorded.notes()
    states = _live_states({*map(unrecorded.job_of, notes), *processes})
    for name, pids in processes.items():
        if states.get(name) not in (State.RUNNING, ExtractionState.RUNNING):
            workspace.end_strays(pids)
            log.warning("processes of an attempt that is over ended", work=name, processes=len(pids))
    unrecorded.clear(notes, states)
    dead = dead_work_directories()
    for name in dead:
        storage.discard(storage.work_directory(name))
    return len(dead)


def dead_work_directories() -> set[str]:
    """Names of this host's work directories whose job or extraction is over or unknown."""
    names = set(storage.work_directories())
    return names - set(_live_states(names))


def _live_states(names: Collection[str]) -> dict[str, str]:
    """The states of those of the named jobs and extractions that are not over."""
    jobs = Job.objects.filter(public_id__in=names, state__in=LIVE)
    extractions = Extraction.objects.filter(public_id__in=names, state=ExtractionState.RUNNING)
    return {name: state for rows in (jobs, extractions) for name, state in rows.values_list("public_id", "state")}
