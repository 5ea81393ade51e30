"""Room for results: reserved before a download starts, fitted while it runs, made by deleting the oldest.

What results and reservations take together never passes STORAGE_QUOTA_BYTES. Reservations are columns of running jobs:
whatever ends a job, or its worker, gives its room back. Who decides holds the lock that serialises claims.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from jobs import quotas, retention, scheduling, storage
from jobs.engine.contract import FailureCode
from jobs.errors import StorageQuotaExceeded
from jobs.lifecycle import Lease
from jobs.models import Job, MediaFile
from jobs.states import State

log = structlog.get_logger(__name__)

AHEAD = 1.25  # of what has come, where the size is not known
WAIT = timedelta(seconds=10)
CLEANED_AT_ONCE = 200
REASON = "deleted to make room"


def wanted(job: Job) -> int:
    """Bytes that a job needs before it starts: what an earlier attempt learnt, else the estimate."""
    estimate = min(settings.STORAGE_ESTIMATE_BYTES, settings.MAX_FILE_SIZE_BYTES, storage.quota_bytes())
    return max(_learnt(job), job.reserved_bytes) or estimate


def fits(size_bytes: int) -> bool:
    """Whether so much more may be reserved now. To be asked, and acted upon, in a transaction with the claims' lock."""
    return not storage.quota_bytes() or _taken() + size_bytes <= storage.quota_bytes()


def keep_up(job: Job, lease: Lease, *, total_bytes: int | None, downloaded_bytes: int | None) -> bool:
    """Fit a running job's reservation to what is known of its size now. False when there is no room, even after
    a clean-up: the job has to wait for it.
    """
    if not storage.quota_bytes():
        return True
    size_bytes = total_bytes or job.reserved_bytes
    if (downloaded_bytes or 0) > size_bytes:
        size_bytes = int((downloaded_bytes or 0) * AHEAD)
    if size_bytes == job.reserved_bytes or _reserve(job, lease, size_bytes):
        return True
    make(size_bytes - job.reserved_bytes)
    return _reserve(job, lease, size_bytes)


def make(size_bytes: int) -> int:
    """Delete the oldest results that may go until so much more fits. Returns how many jobs lost theirs.

    None of them if that cannot be reached.
    """
    missing = _taken() + size_bytes - storage.quota_bytes()
    return _clean(missing) if missing > 0 else 0


def clean_up() -> int:
    """Delete the oldest results until STORAGE_HIGH_WATER is not passed any more. Returns how many jobs lost theirs."""
    return _clean(excess_bytes(), at_least=False)


def excess_bytes() -> int:
    """By how much results and reservations are above STORAGE_HIGH_WATER; 0 without a quota."""
    quota = storage.quota_bytes()
    return max(_taken() - quota * settings.STORAGE_HIGH_WATER // 100, 0) if quota else 0


def postpone(job: Job, size_bytes: int) -> None:
    """Have a queued job wait for room, or fail it if there never will be enough."""
    if size_bytes > storage.quota_bytes():
        retention.end(job, State.FAILED, reason=FailureCode.DISK_FULL, **_told(never_fits(size_bytes)))
        return
    waiting = Job.objects.filter(pk=job.pk, state=State.QUEUED)
    waiting.update(not_before=timezone.now() + WAIT, reserved_bytes=size_bytes, **_told(waits(size_bytes)))
    log.info("job waits for room", job=job.public_id, bytes=size_bytes)


def give_back(job: Job, lease: Lease) -> None:
    """Return a running job to the queue until there is room for what is known of its size. It counts as no attempt."""
    size_bytes = max(_learnt(job), job.reserved_bytes)
    if size_bytes > storage.quota_bytes():
        told = _told(never_fits(size_bytes))
        retention.end(job, State.FAILED, only_if=lease.held, reason=FailureCode.DISK_FULL, **told)
        return
    retention.give_back(
        job,
        only_if=lease.held,
        reason="no room for its result",
        attempts=max(job.attempts - 1, 0),
        not_before=timezone.now() + WAIT,
        reserved_bytes=size_bytes,
        **_told(waits(size_bytes)),
    )


def refuse_when_full() -> None:
    """Raise StorageQuotaExceeded when results fill the quota and none of them may be deleted now."""
    if not storage.quota_bytes() or storage.used_bytes() < storage.quota_bytes() or evictable().exists():
        return
    told = f"The storage of this service is full: {storage.quota_bytes()} bytes."
    free_at = quotas.first_expiry_at({})
    if free_at is None:
        raise StorageQuotaExceeded(f"{told} Delete results that you do not need any more.")
    told = f"{told} The next result expires at {quotas.clock(free_at)}."
    raise StorageQuotaExceeded(told, quotas.seconds_until(free_at))


def evictable() -> QuerySet[Job]:
    """Jobs whose results a clean-up may delete, the oldest first.

    Not those that their owners keep longer, that came within the grace, or that somebody fetches.
    """
    now = timezone.now()
    read = MediaFile.objects.filter(job=OuterRef("pk"), deleted_at__isnull=True, read_until__gt=now)
    settled = now - timedelta(seconds=settings.STORAGE_GRACE_SECONDS)
    done = Job.objects.filter(state=State.COMPLETED, is_kept_longer=False, completed_at__lte=settled)
    return done.filter(~Exists(read)).order_by("completed_at", "id")


def waits(size_bytes: int) -> str:
    return f"The storage is full: the download waits until there is room for {size_bytes} bytes."


def never_fits(size_bytes: int) -> str:
    return (
        f"The result needs {size_bytes} bytes, and all results of this service may take {storage.quota_bytes()} "
        "together; choose a lower quality or audio only."
    )


def _told(sentence: str) -> dict[str, str]:
    return {"error_code": FailureCode.DISK_FULL, "error": sentence}


def _taken() -> int:
    return storage.used_bytes() + storage.reserved_bytes()


def _learnt(job: Job) -> int:
    """What attempts have told of the size of the result; 0 when nothing."""
    return max(job.total_bytes or 0, job.downloaded_bytes or 0)


def _reserve(job: Job, lease: Lease, size_bytes: int) -> bool:
    """Change a running job's reservation. A lost lease counts as success: the next renewal tells of it."""
    with transaction.atomic():
        scheduling.serialise_claims()
        if size_bytes > job.reserved_bytes and not fits(size_bytes - job.reserved_bytes):
            return False
        mine = Job.objects.filter(pk=job.pk, state=State.RUNNING, **lease.held)
        mine.update(reserved_bytes=size_bytes)
    job.reserved_bytes = size_bytes
    return True


def _clean(missing: int, *, at_least: bool = True) -> int:
    """Delete results of that size together; with `at_least`, nothing if those that may go are smaller."""
    chosen, size_bytes = [], 0
    for job in evictable().prefetch_related("files")[:CLEANED_AT_ONCE]:
        if size_bytes >= missing:
            break
        chosen.append(job)
        size_bytes += sum(file.size_bytes for file in job.files.all() if file.deleted_at is None)
    if not chosen or (at_least and size_bytes < missing):
        return 0
    cleaned = sum(retention.expire(job, reason=REASON, spare_readers=True) for job in chosen)
    log.warning("results deleted to make room", jobs=cleaned, bytes=size_bytes)
    return cleaned
