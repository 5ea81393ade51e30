"""What the storage and the database say of each other, compared: `manage.py storage check` and `repair`.

Looks at the whole storage, so it takes its time. Nothing is locked: what is wrong is looked at again when repaired.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from django.utils import timezone

from jobs import retention, storage
from jobs.models import MediaFile
from jobs.states import State

log = structlog.get_logger(__name__)

AT_ONCE = 500
BLOCK_BYTES = 1 << 20


class Fault(StrEnum):
    """What may be wrong."""

    MISSING = "missing"  # a row whose file is not there
    SIZE = "wrong size"
    HASH = "wrong hash"
    ORPHAN = "orphan"  # a file without a row
    WORK = "leftover work directory"
    UPLOAD = "unfinished uploads"


OF_ROWS = (Fault.MISSING, Fault.SIZE, Fault.HASH)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, by the name that the storage or this host has for it."""

    fault: Fault
    name: str
    size_bytes: int = 0
    job: str = ""
    detail: str = ""


def findings(*, deep: bool = False) -> Iterator[Finding]:
    """Everything that is wrong; with `deep`, every file is read and hashed. Raises storage.Unavailable."""
    began = timezone.now()
    stored = {one.name: one for one in storage.results()}
    known: set[str] = set()
    for file in _kept_files():
        known.add(file.path)
        if (finding := _of_row(file, stored.get(file.path), deep=deep)) is not None:
            yield finding
    yield from _orphans(stored, known, began)
    yield from (Finding(fault=Fault.WORK, name=name) for name in retention.dead_work_directories())


def repair(finding: Finding) -> str:
    """Put right what can be, if it is still wrong. Returns what was done, as a sentence.

    A result of which a file is missing or damaged cannot be brought back here: its job is expired, so that its owner
    is told and may download it again.
    """
    if finding.fault in OF_ROWS:
        return _expire(finding)
    if finding.fault is Fault.ORPHAN:
        if MediaFile.objects.filter(path=finding.name, deleted_at__isnull=True).exists():
            return "is a result's by now: left alone"
        storage.delete_result(finding.name)
        return "deleted"
    if finding.name not in retention.dead_work_directories():
        return "is a living job's by now: left alone"
    storage.discard(storage.work_directory(finding.name))
    return "deleted"


def abort_uploads() -> int:
    """Throw away what uploads that broke off have left at a remote store. Returns how many."""
    return storage.abort_uploads(timezone.now() - storage.settle_time())


def _kept_files() -> Iterator[MediaFile]:
    return MediaFile.objects.filter(deleted_at__isnull=True).select_related("job").order_by("pk").iterator(AT_ONCE)


def _of_row(file: MediaFile, stored: storage.Stored | None, *, deep: bool) -> Finding | None:
    if stored is None and not _exists(file):
        return None if _is_gone(file) else _wrong(file, Fault.MISSING)
    size_bytes = stored.size_bytes if stored is not None else file.size_bytes
    if size_bytes != file.size_bytes:
        return _wrong(file, Fault.SIZE, f"{size_bytes} bytes instead of {file.size_bytes}")
    if deep and (digest := _digest(file.path)) not in (None, file.sha256):
        return _wrong(file, Fault.HASH, f"{digest} instead of {file.sha256}")
    return None


def _wrong(file: MediaFile, fault: Fault, detail: str = "") -> Finding:
    return Finding(fault=fault, name=file.path, size_bytes=file.size_bytes, job=file.job.public_id, detail=detail)


def _exists(file: MediaFile) -> bool:
    """It may have been stored since the storage was listed."""
    try:
        storage.open_result(file.path).close()
    except FileNotFoundError:
        return False
    return True


def _is_gone(file: MediaFile) -> bool:
    """It may have been deleted since its row was read."""
    return not MediaFile.objects.filter(pk=file.pk, deleted_at__isnull=True).exists()


def _digest(name: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with storage.open_result(name) as content:
            while block := content.read(BLOCK_BYTES):
                digest.update(block)
    except FileNotFoundError:  # deleted meanwhile
        return None
    return digest.hexdigest()


def _orphans(stored: dict[str, storage.Stored], known: set[str], began: datetime) -> Iterator[Finding]:
    settled = began - storage.settle_time()
    for name in sorted(set(stored) - known):
        one = stored[name]
        if one.changed_at < settled and not MediaFile.objects.filter(path=name, deleted_at__isnull=True).exists():
            yield Finding(fault=Fault.ORPHAN, name=name, size_bytes=one.size_bytes)


def _expire(finding: Finding) -> str:
    file = MediaFile.objects.filter(path=finding.name, deleted_at__isnull=True).select_related("job").first()
    if file is None or file.job.state != State.COMPLETED:
        return "its job has no results any more: left alone"
    if not retention.expire(file.job, reason=f"its result is damaged: {finding.fault}"):
        return "changed meanwhile: left alone"
    return f"job {file.job.public_id} expired, with its other files; it can be retried"
