"""Who fetches results now, so that a clean-up deletes nothing that a transfer reads, or may go on reading by ranges.

A row's `read_until` is a lease that all its readers share: STORAGE_GRACE_SECONDS long, prolonged while a transfer lasts
and when it ends. A web process that dies leaves it to lapse. Without a quota nothing is cleaned up, and nothing noted.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone

from jobs.models import MediaFile

log = structlog.get_logger(__name__)

BEATS = 4  # in the time of a lease


@dataclass(frozen=True)
class Reading:
    """One transfer."""

    number: int
    file: int


@dataclass
class _Desk:
    """The transfers of this process, and the thread that keeps their leases alive while there are any."""

    open: dict[int, Reading] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_idle: threading.Event = field(default_factory=threading.Event)
    keeper: threading.Thread | None = None


_desk = _Desk()


def begin(file: MediaFile) -> Reading | None:
    """Note that a transfer begins. None when the file has been deleted since its row was read."""
    reading = Reading(next(_desk.numbers), file.pk)
    if not settings.STORAGE_QUOTA_BYTES:
        return reading
    if not _is_fresh(file) and not _prolong([file.pk], _grace()):
        return None
    with _desk.lock:
        _desk.open[reading.number] = reading
        _keep_alive()
    return reading


def end(reading: Reading) -> None:
    """Note that a transfer has ended, or broken off: it may be continued within the grace."""
    with _desk.lock:
        is_open = _desk.open.pop(reading.number, None) is not None
        if not _desk.open:
            _desk.is_idle.set()
    if is_open:
        try:
            _prolong([reading.file], _grace())
        except DatabaseError:  # what it holds lapses a little earlier
            log.exception("end of a transfer not noted", file=reading.file)


def expect(file: MediaFile, seconds: float) -> None:
    """Keep the file for transfers that this service does not see, until so many seconds are over."""
    if settings.STORAGE_QUOTA_BYTES:
        _prolong([file.pk], timezone.now() + timedelta(seconds=seconds))


def _is_fresh(file: MediaFile) -> bool:
    """Players ask for one range after the other: not each of them is worth a write."""
    half = timedelta(seconds=settings.STORAGE_GRACE_SECONDS / 2)
    return file.read_until is not None and file.read_until > timezone.now() + half


def _grace() -> datetime:
    return timezone.now() + timedelta(seconds=settings.STORAGE_GRACE_SECONDS)


def _prolong(files: Collection[int], until: datetime) -> bool:
    """Whether any of them is still there. Of a clean-up that comes at the same time, one sees the other's write."""
    kept = MediaFile.objects.filter(pk__in=files, deleted_at__isnull=True)
    shorter = kept.filter(Q(read_until__isnull=True) | Q(read_until__lt=until))
    return bool(shorter.update(read_until=until)) or kept.exists()


def _keep_alive() -> None:
    """Start the thread unless it runs; to be called with the lock held."""
    _desk.is_idle.clear()
    if _desk.keeper is None or not _desk.keeper.is_alive():
        _desk.keeper = threading.Thread(target=_keep, name="readers", daemon=True)
        _desk.keeper.start()


def _keep() -> None:
    while not _ends():
        with _desk.lock:
            files = {reading.file for reading in _desk.open.values()}
        try:
            _prolong(files, _grace())
        except DatabaseError:
            log.exception("transfers not noted", files=len(files))
        finally:
            connection.close()


def _ends() -> bool:
    """Wait until the next beat is due. Whether there is no transfer any more; then the thread counts as gone."""
    _desk.is_idle.wait(settings.STORAGE_GRACE_SECONDS / BEATS)
    with _desk.lock:
        if not _desk.open:
            _desk.keeper = None
        return not _desk.open
