"""Reading pages: claim a question, look in a confined child, record the answer. Runs in a worker process."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import Count, F
from django.utils import timezone

from accounts.vault import CannotDecrypt
from jobs import batches, circuit, jars, links, queue, requests, scheduling, storage
from jobs.engine import failures, supervisor
from jobs.engine.contract import (
    Failure,
    FailureCode,
    Limits,
    LogLine,
    Options,
    Outcome,
    Progress,
    Purpose,
    Request,
    Result,
    Stop,
)
from jobs.extraction import reuse
from jobs.extraction.asking import LIVE
from jobs.lifecycle import Lease
from jobs.models import Batch, Extraction
from jobs.queue import process
from jobs.states import ExtractionKind, ExtractionState

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 2
MAX_WRITTEN_BYTES = 64 * 1024 * 1024  # a child that reads leaves its answer behind, and nothing else
FAILURE_CACHE = timedelta(seconds=5)
PURPOSES = {ExtractionKind.VIDEO: Purpose.VIDEO, ExtractionKind.ENTRIES: Purpose.ENTRIES}

# The engine's own sentences speak of downloads, which are tried again.
MESSAGES = {
    FailureCode.RATE_LIMITED: "The site asks for fewer requests. Try again later.",
    FailureCode.TIMEOUT: "The site did not answer in time. Try again later.",
    FailureCode.STALLED: "The site did not answer in time. Try again later.",
    FailureCode.NETWORK: "The site could not be reached. Check the address, or try again later.",
    FailureCode.DISK_FULL: "The server has no room left. Try again later.",
    FailureCode.TOO_LARGE: "The page holds more than this service reads. Ask for fewer entries.",
    FailureCode.INTERNAL: "Something went wrong in this service. Try again, or send the operator the request id.",
}


def run_next() -> Extraction | None:
    """Answer the question that is next on this host. The row, as it is now; None when nothing waits or may run here.

    Also None when the row is gone, with its owner or batch.
    """
    claimed = claim_next()
    if claimed is None:
        return None
    extraction, lease = claimed
    structlog.contextvars.bind_contextvars(request_id=extraction.correlation_id, extraction=extraction.public_id)
    try:
        conclude(extraction, lease)
    except Exception:
        # Whatever went wrong here, nobody must wait for the row any more; the traceback goes to the log.
        log.exception("extraction broke")
        fail(extraction, lease, failures.failure(FailureCode.INTERNAL))
    finally:
        structlog.contextvars.clear_contextvars()
    return Extraction.objects.filter(pk=extraction.pk).first()


def claim_next() -> tuple[Extraction, Lease] | None:
    """Choose and claim in one transaction, so that MAX_CONCURRENT_EXTRACTIONS holds at the claim.

    Who takes one wakes another worker for the next.
    """
    if not waiting():  # most wake-ups are for downloads: they take no lock here
        return None
    lease = Lease(owner=f"{process.name()}:{uuid.uuid4().hex[:12]}", host=process.HOST, seconds=settings.LEASE_SECONDS)
    with transaction.atomic():
        scheduling.serialise_claims()
        extraction = _next()
        if extraction is None:
            return None
        if extraction.batch_id:  # its row is locked before those of its parts, here as everywhere
            batches.begin(extraction.batch_id)
        if not _claim(extraction, lease):
            transaction.set_rollback(True)
            return None
        if _next() is not None:
            transaction.on_commit(queue.wake)
    return extraction, lease


def waiting() -> bool:
    """Whether any question waits for a worker."""
    return Extraction.objects.filter(state=ExtractionState.QUEUED).exists()


def conclude(extraction: Extraction, lease: Lease) -> None:
    """Read the page, unless an equal question was answered a moment ago, and record what came of it."""
    known = _answered_before(extraction)
    if known is not None:
        finish(extraction, lease, answer=known.answer, known_info=known.known_info, expires_at=known.expires_at)
        return
    try:
        outcome = look(extraction, lease)
    finally:
        storage.discard(storage.work_directory(extraction.public_id))
    if outcome.result is not None:
        succeed(extraction, lease, outcome.result)
    elif outcome.failure is not None:
        fail(extraction, lease, outcome.failure)
    elif outcome.stopped is not Stop.LOST:
        give_back(extraction, attempts=F("attempts") - 1, lease_owner=lease.owner)


def look(extraction: Extraction, lease: Lease) -> Outcome:
    """What a confined child finds at the page."""
    jar = extraction.cookie_jar
    try:
        request = jars.lend(jar, build_request(extraction))
    except CannotDecrypt:
        return Outcome(failure=jars.unreadable(jar))
    connections.close_all()  # the child must not share a database connection
    return jars.take_back(jar, request, supervisor.run(request, Watcher(extraction, lease)))


def build_request(extraction: Extraction) -> Request:
    """The engine's view of the question and of this installation's limits. It writes to a directory of its own."""
    request = requests.request_for(
        work_id=extraction.public_id,
        url=extraction.url,
        options=Options(),
        limits=Limits(
            total_seconds=settings.EXTRACTION_TIMEOUT_SECONDS,
            stall_seconds=settings.EXTRACTION_TIMEOUT_SECONDS,
            max_file_bytes=MAX_WRITTEN_BYTES,
            free_disk_bytes=MAX_WRITTEN_BYTES,
            max_memory_bytes=settings.MAX_CHILD_MEMORY_BYTES,
        ),
        work_dir=storage.make_work_directory(extraction.public_id),
    )
    purpose = PURPOSES[ExtractionKind(extraction.kind)]
    return replace(request, purpose=purpose, items=str(extraction.parameters.get("items", "")))


class Watcher:
    """The row as the supervisor sees it: it prolongs the lease, and ends the look when that or the worker is gone."""

    def __init__(self, extraction: Extraction, lease: Lease) -> None:
        self._mine = Extraction.objects.filter(pk=extraction.pk, state=ExtractionState.RUNNING, lease_owner=lease.owner)
        self._lease = lease

    def tick(self, progress: Progress | None, log_lines: Sequence[LogLine]) -> Stop | None:
        """While the database is out of reach the look goes on: it is short."""
        process.show_life()  # several slow pages at once are no pool that hangs
        if process.is_draining():
            return Stop.DRAIN
        try:
            is_mine = self._mine.update(lease_expires_at=self._lease.expiry())
        except (OperationalError, InterfaceError) as error:
            log.warning("database out of reach", error=type(error).__name__)
            connections.close_all()
            return None
        return None if is_mine else Stop.LOST


def succeed(extraction: Extraction, lease: Lease, result: Result) -> None:
    """Record what was found; it serves equal questions, and a download, for EXTRACTION_CACHE_SECONDS."""
    finish(
        extraction,
        lease,
        answer=result.found,
        known_info=reuse.sealed(result.known_info),
        expires_at=timezone.now() + timedelta(seconds=settings.EXTRACTION_CACHE_SECONDS),
    )


def fail(extraction: Extraction, lease: Lease, failure: Failure) -> None:
    """Record why the page could not be read. For a batch, where nobody waits, try once more if that may help."""
    log.warning("extraction failed", code=failure.code, detail=failure.detail)
    if failure.code is FailureCode.RATE_LIMITED:
        circuit.note_refusal(links.web_host(extraction.url), retry_after_seconds=failure.retry_after_seconds)
    if extraction.batch_id and failure.is_retryable and extraction.attempts < MAX_ATTEMPTS:
        give_back(extraction, lease_owner=lease.owner)
        return
    finish(
        extraction,
        lease,
        state=ExtractionState.FAILED,
        error_code=failure.code,
        error=MESSAGES.get(failure.code, failure.message),
        expires_at=timezone.now() + FAILURE_CACHE,
    )


def finish(extraction: Extraction, lease: Lease, **changes: Any) -> bool:
    """End the row, and with it its batch if it was the last. False when the lease was lost."""
    return end(extraction, {"lease_owner": lease.owner}, **changes)


def end(extraction: Extraction, only_if: dict[str, Any], **changes: Any) -> bool:
    """Move a live row that matches `only_if` to its end: completed, unless `changes` say otherwise."""
    with transaction.atomic():
        try:
            batch = batches.hold(extraction.batch_id) if extraction.batch_id else None
        except Batch.DoesNotExist:  # and with it the row
            return False
        row = Extraction.objects.filter(pk=extraction.pk, state__in=LIVE, **only_if)
        is_ended = bool(row.update(**{"state": ExtractionState.COMPLETED, "completed_at": timezone.now(), **changes}))
        if is_ended and batch is not None:
            batches.settle(batch)
    return is_ended


def give_back(extraction: Extraction, *, attempts: Any = None, **only_if: Any) -> bool:
    """Queue a running row again; `attempts` replaces the number of them. False when `only_if` does not hold."""
    counted = {} if attempts is None else {"attempts": attempts}
    row = Extraction.objects.filter(pk=extraction.pk, state=ExtractionState.RUNNING, **only_if)
    is_queued = bool(
        row.update(state=ExtractionState.QUEUED, lease_owner="", lease_expires_at=None, worker_host="", **counted)
    )
    if is_queued:
        queue.wake()
    return is_queued


def _next() -> Extraction | None:
    """The oldest question of the owner who has the fewest running ones; None when this host's places are taken."""
    running = Extraction.objects.filter(state=ExtractionState.RUNNING)
    if running.filter(worker_host=process.HOST).count() >= settings.MAX_CONCURRENT_EXTRACTIONS:
        return None
    queued = Extraction.objects.filter(state=ExtractionState.QUEUED)
    owners = list(queued.order_by().values_list("owner", flat=True).distinct())
    if len(owners) > 1:
        served = dict(running.order_by().values_list("owner").annotate(rows=Count("id")))
        fewest = min(served.get(owner, 0) for owner in owners)
        queued = queued.filter(owner__in=[owner for owner in owners if served.get(owner, 0) == fewest])
    # Somebody waits for what belongs to no batch.
    return queued.order_by(F("batch").asc(nulls_first=True), "id").first()


def _claim(extraction: Extraction, lease: Lease) -> bool:
    row = Extraction.objects.filter(pk=extraction.pk, state=ExtractionState.QUEUED)
    is_claimed = row.update(
        state=ExtractionState.RUNNING,
        lease_owner=lease.owner,
        lease_expires_at=lease.expiry(),
        worker_host=lease.host,
        attempts=F("attempts") + 1,
    )
    extraction.refresh_from_db()
    return bool(is_claimed)


def _answered_before(extraction: Extraction) -> Extraction | None:
    fresh = Extraction.objects.filter(state=ExtractionState.COMPLETED, expires_at__gt=timezone.now())
    return fresh.filter(question=extraction.question).order_by("-id").first()
