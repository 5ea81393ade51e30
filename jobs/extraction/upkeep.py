"""Questions whose worker died, and answers that are too old. Safe to run twice at once."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from jobs import leases, storage
from jobs.engine import failures
from jobs.engine.contract import FailureCode
from jobs.extraction import running
from jobs.models import Batch, Extraction
from jobs.states import BatchKind, ExtractionState

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=1)
BATCHES_KEPT = timedelta(days=1)
AT_ONCE = 500


def orphaned() -> QuerySet[Extraction]:
    """Rows whose worker has been silent for longer than its lease."""
    return Extraction.objects.filter(leases.has_lapsed(), state=ExtractionState.RUNNING)


def recover() -> list[Extraction]:
    """Queue what died with its worker again a few times, else fail it. Returns the rows that failed."""
    failed = [row for row in orphaned() if not _queued_again(row)]
    for row in failed:
        row.refresh_from_db()
    return [row for row in failed if row.state == ExtractionState.FAILED]


def has_old() -> bool:
    """Whether `clear_old` has anything to do."""
    return _stale().exists() or _old().exists() or _old_batches().exists()


def clear_old() -> int:
    """Forget answers an hour after they could be used last, and metadata batches after a day. Returns how many rows.

    What a download could go on from, with the links and cookies in it, is forgotten with the answer's own time.
    """
    _stale().update(known_info=None)
    _old_batches().delete()
    deleted, _ = Extraction.objects.filter(pk__in=list(_old().values_list("pk", flat=True)[:AT_ONCE])).delete()
    return deleted


def _stale() -> QuerySet[Extraction]:
    return Extraction.objects.filter(expires_at__lt=timezone.now(), known_info__isnull=False)


def _old() -> QuerySet[Extraction]:
    """Not the rows of metadata batches, which are what those batches are for."""
    is_result = Q(batch__isnull=False, batch__kind=BatchKind.METADATA)
    return Extraction.objects.filter(~is_result, expires_at__lt=timezone.now() - KEPT)


def _old_batches() -> QuerySet[Batch]:
    return Batch.objects.filter(kind=BatchKind.METADATA, completed_at__lt=timezone.now() - BATCHES_KEPT)


def _queued_again(row: Extraction) -> bool:
    expired = {"lease_owner": row.lease_owner, "lease_expires_at": row.lease_expires_at}
    log.warning("an extraction's worker died", extraction=row.public_id, attempts=row.attempts)
    # For what belongs to a batch nobody waits: it survives as many workers as a download does.
    most = settings.MAX_ATTEMPTS if row.batch_id else running.MAX_ATTEMPTS
    if row.attempts < most:
        return running.give_back(row, **expired)
    failure = failures.failure(FailureCode.INTERNAL)
    told = {"error_code": failure.code, "error": running.MESSAGES[failure.code]}
    until = timezone.now() + running.FAILURE_CACHE
    if running.end(row, expired, state=ExtractionState.FAILED, expires_at=until, **told):
        storage.discard(storage.set_aside(row.public_id))
    return False
