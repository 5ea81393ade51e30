"""One job from claim to its end: claim, prepare, supervise, publish, record. Runs in a worker process."""

import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections, transaction
from django.utils import timezone

from accounts.vault import CannotDecrypt
from jobs import (
    archive,
    asking,
    circuit,
    extraction,
    host,
    jars,
    lifecycle,
    publishing,
    queue,
    quotas,
    requests,
    retention,
    room,
    scheduling,
    storage,
    unrecorded,
)
from jobs.engine import failures, rules, supervisor
from jobs.engine.contract import Failure, FailureCode, Limits, LogLine, Outcome, Progress, Request, Result, Stop
from jobs.errors import StorageQuotaExceeded
from jobs.lifecycle import Lease
from jobs.models import Job, JobLog, MediaFile
from jobs.patience import patiently
from jobs.queue import process
from jobs.states import State, Wish
from jobs.webhooks import outbox

log = structlog.get_logger(__name__)

RENEW_SECONDS = 1.0
LOG_LINES_KEPT = 500
ROOM_TRIES = 20  # jobs that are looked at for one that has room


def run_next() -> bool:
    """Run the job that is next on this host to its end. False when none is due.

    To be called again and again: the slot that a job leaves is taken by the next call, without a wake-up. A job's end
    may let several run, of its site and of its batch: who takes one wakes another worker for the next.
    """
    claimed = claim_next()
    if claimed is None:
        return False
    job, lease = claimed
    structlog.contextvars.bind_contextvars(request_id=job.correlation_id, job=job.public_id, attempt=job.attempts)
    try:
        conclude(job, lease, attempt(job, lease))
    except Exception:
        # Whatever went wrong here, the job must not stay in `running`; the traceback goes to the log.
        log.exception("attempt broke")
        patiently(fail, job, lease, failures.failure(FailureCode.INTERNAL))
    finally:
        structlog.contextvars.clear_contextvars()
    return True


def claim_next() -> tuple[Job, Lease] | None:
    """Choose and claim in one transaction, so that the limits that `scheduling` checks still hold at the claim.

    A job whose result has no room, even after a clean-up, waits, and the one behind it gets its turn.
    """
    lease = Lease(owner=f"{process.name()}:{uuid.uuid4().hex[:12]}", host=process.HOST, seconds=settings.LEASE_SECONDS)
    for _ in range(ROOM_TRIES):
        with transaction.atomic():
            scheduling.serialise_claims()
            if not host.can_work():  # asked here: the turn may have been long in coming
                return None
            job = scheduling.next_job(process.HOST)
            if job is None:
                return None
            job.reserved_bytes = room.wanted(job)
            if room.fits(job.reserved_bytes):
                return (job, lease) if _claim(job, lease) else None
        if not room.make(job.reserved_bytes):
            room.postpone(job, job.reserved_bytes)
    return None


def _claim(job: Job, lease: Lease) -> bool:
    is_ours = lifecycle.claim(job, lease)
    if is_ours:
        transaction.on_commit(_wake_another)
    return is_ours


def _wake_another() -> None:
    """If more may run. Asked when the claim is committed, and holds up no other."""
    if scheduling.next_job(process.HOST) is not None:
        queue.wake()


def attempt(job: Job, lease: Lease) -> Outcome:
    """Download in a confined child, progress and wishes flowing through the job's row."""
    watcher = JobWatcher(job, lease)
    jar = job.cookie_jar
    try:
        request = jars.lend(jar, build_request(job))
    except CannotDecrypt:
        return Outcome(failure=jars.unreadable(jar))
    unrecorded.take_back(job.public_id)
    connections.close_all()  # the child must not share a database connection
    outcome = supervisor.run(request, watcher)
    if outcome.stopped is not Stop.LOST:
        patiently(watcher.flush, outcome.log)
        outcome = patiently(jars.take_back, jar, request, outcome)
    return outcome


def build_request(job: Job) -> Request:
    """The engine's view of the job and of this installation's limits.

    What a look at the page found a moment ago serves a first attempt only: links in it may have run out.
    """
    options = job.download_options()
    attempt_seconds = options.timeout_sec or settings.YTDLP_TIMEOUT
    request = requests.request_for(
        work_id=job.public_id,
        url=job.url,
        options=options,
        limits=Limits(
            total_seconds=attempt_seconds,
            stall_seconds=settings.YTDLP_PROGRESS_TIMEOUT,
            max_file_bytes=quotas.largest_result(job),
            free_disk_bytes=settings.FREE_DISK_FLOOR_BYTES,
            max_memory_bytes=settings.MAX_CHILD_MEMORY_BYTES,
            live_seconds=rules.recording_seconds(
                options,
                attempt_seconds=attempt_seconds,
                live_seconds=settings.MAX_LIVE_DURATION_SECONDS or None,
            ),
        ),
        work_dir=storage.make_work_directory(job.public_id),
    )
    return replace(
        request,
        sponsorblock_api=settings.SPONSORBLOCK_API_URL,
        pinned_format=job.pinned_format or None,
        page_entry=job.page_entry,
        known_info=extraction.known_info(job) if job.attempts <= 1 else None,
    )


class JobWatcher:
    """The job's row as the supervisor sees it: progress in, wishes out."""

    def __init__(self, job: Job, lease: Lease) -> None:
        self.job = job
        self.lease = lease
        self._pending: dict[str, Any] = {}
        self._lines: list[LogLine] = []
        self._tells_progress = outbox.wants_progress(job)
        self._renew_at = 0.0
        self._lost_at = time.monotonic() + lease.seconds
        self.stop_wished: Stop | None = None

    def tick(self, progress: Progress | None, log_lines: Sequence[LogLine]) -> Stop | None:
        """Store what is new once a second; tell why the attempt should end.

        While the database is out of reach the attempt goes on, until its lease cannot be alive any more.
        """
        self._lines.extend(log_lines)
        if progress is not None:
            self._pending = progress_columns(progress)
            if progress.title and not self.job.title:
                self._pending["title"] = progress.title
        try:
            return self._consult()
        except (OperationalError, InterfaceError) as error:
            log.warning("database out of reach", error=type(error).__name__)
            connections.close_all()
            return None if time.monotonic() < self._lost_at else Stop.LOST

    def _consult(self) -> Stop | None:
        now = time.monotonic()
        if now < self._renew_at:
            return self._stop_wished()
        if not lifecycle.renew(self.job, self.lease, self._pending):
            return self._stop_wished()
        self._renew_at, self._lost_at = now + RENEW_SECONDS, now + self.lease.seconds
        told, self._pending = self._pending, {}
        if told and self._tells_progress:
            outbox.job_progressed(self.job, told)
        self.flush()
        if process.is_draining():
            return Stop.DRAIN
        return None if self._has_room(told) else Stop.NO_ROOM

    def _has_room(self, told: Mapping[str, Any]) -> bool:
        sizes = {name: told.get(name) for name in ("total_bytes", "downloaded_bytes")}
        return room.keep_up(self.job, self.lease, **sizes)

    def beat(self) -> None:
        """Keep the lease while files are published. Raises storage.Interrupted, with `stop_wished`, to end that."""
        if time.monotonic() < self._renew_at:
            return
        self.stop_wished = self.tick(None, [])
        if self.stop_wished is not None:
            raise storage.Interrupted(self.stop_wished)

    def flush(self, more: Sequence[LogLine] = ()) -> None:
        """Append the lines that are not stored yet to the job's log."""
        self._lines.extend(more)
        if self._lines:
            append_log(self.job, self._lines)
            self._lines = []

    def _stop_wished(self) -> Stop | None:
        wish = lifecycle.wish_of(self.job, self.lease)
        if wish is None:
            return Stop.LOST
        unwished = Stop.DRAIN if process.is_draining() else None
        return {Wish.CANCEL: Stop.CANCEL, Wish.PAUSE: Stop.PAUSE, Wish.NONE: unwished}[wish]


def progress_columns(progress: Progress) -> dict[str, Any]:
    """Progress as columns of the job's row."""
    return {
        "phase": progress.phase,
        "percent": progress.percent,
        "downloaded_bytes": progress.downloaded_bytes,
        "total_bytes": progress.total_bytes,
        "speed_bps": progress.speed_bps,
        "eta_seconds": progress.eta_seconds,
    }


def append_log(job: Job, lines: Sequence[LogLine]) -> None:
    """Add lines to the job's log, of which the newest are kept. Only the holder of the lease may call it."""
    stamp = timezone.now().strftime("%H:%M:%S")
    with transaction.atomic():
        record = JobLog.objects.filter(job=job).first() or JobLog(job=job)
        record.lines = [*record.lines, *(f"{stamp} {line.level.upper()} {line.text}" for line in lines)][
            -LOG_LINES_KEPT:
        ]
        record.total_lines += len(lines)
        record.save(force_insert=record._state.adding)


def conclude(job: Job, lease: Lease, outcome: Outcome) -> None:
    """Record how the attempt ended."""
    if outcome.result is not None:
        complete(job, lease, outcome.result)
    elif outcome.failure is not None:
        patiently(fail, job, lease, outcome.failure, outcome.format_id)
    elif outcome.stopped is not None:
        patiently(stop, job, lease, outcome.stopped, outcome.format_id)


def complete(job: Job, lease: Lease, result: Result) -> None:
    """Publish the files, then record them and the completion in one transaction. Without the record, no files stay.

    While the record could not be made, they are noted as published, and serve the next attempt.
    """
    watcher = JobWatcher(job, lease)
    if not patiently(lifecycle.holds, job, lease):
        return
    if not patiently(_has_room, job, lease, result):
        patiently(stop, job, lease, Stop.NO_ROOM)
        return
    try:
        published = publishing.publish_noted(job, lease, result, watcher.beat)
    except storage.Interrupted:
        patiently(stop, job, lease, watcher.stop_wished or Stop.LOST)
        return
    except OSError as error:
        log.exception("result not published")
        patiently(fail, job, lease, failures.of_store(error))
        return
    is_recorded = False
    try:
        is_recorded = patiently(record, job, lease, result, published)
    except StorageQuotaExceeded as refusal:
        too_much = replace(failures.failure(FailureCode.TOO_LARGE), message=str(refusal))
        patiently(fail, job, lease, too_much)
    except (OperationalError, InterfaceError):
        # Out of reach for long: whether it was recorded, the next attempt can tell, and goes on from the files.
        raise
    except BaseException:
        unrecorded.withdraw(job.public_id, lease.owner)
        raise
    if is_recorded:
        unrecorded.forget(job.public_id, lease.owner)
    else:
        unrecorded.withdraw(job.public_id, lease.owner)


def _has_room(job: Job, lease: Lease, result: Result) -> bool:
    """Reserve exactly what the result takes, so that its record cannot pass the quota."""
    size_bytes = sum(file.size_bytes for file in result.files)
    job.refresh_from_db(fields=["reserved_bytes"])
    if room.keep_up(job, lease, total_bytes=size_bytes, downloaded_bytes=None):
        return True
    Job.objects.filter(pk=job.pk, **lease.held).update(total_bytes=size_bytes)
    return False


def record(job: Job, lease: Lease, result: Result, published: publishing.Published) -> bool:
    """Complete the job, with its files. False when the lease was lost. Raises StorageQuotaExceeded.

    Once more is harmless: a connection that breaks during the commit leaves open whether it came to pass.
    """
    job.refresh_from_db()
    if job.state == State.COMPLETED and unrecorded.is_recorded(job.pk, [path for _, path in published]):
        return True
    with transaction.atomic():
        quotas.admit_result(job, size_bytes=sum(file.size_bytes for file, _ in published))
        # Before the move, whose messages have links to them.
        MediaFile.objects.bulk_create(publishing.file_rows(job, published))
        is_recorded = job.state == State.RUNNING and retention.end(
            job,
            State.COMPLETED,
            only_if=lease.held,
            reason=f"{len(published)} file(s)",
            title=str(job.template_values.get("title") or result.metadata.get("title") or "")[:500],
            extractor=result.extractor[:100],
            metadata=result.metadata,
            percent=100.0,
            downloaded_bytes=result.files[0].size_bytes,
            total_bytes=result.files[0].size_bytes,
            provenance={"options": job.options, "versions": result.versions},
            expires_at=retention.expiry_from_now(),
        )
        if is_recorded:
            archive.remember(job, result)
            circuit.note_success(job.host)
        else:
            transaction.set_rollback(True)
    return is_recorded


def fail(job: Job, lease: Lease, failure: Failure, pinned_format: str | None = None) -> None:
    """Queue the job for another attempt if that may help, else record why it failed."""
    log.warning("attempt failed", code=failure.code, detail=failure.detail)
    job.refresh_from_db()
    if job.state != State.RUNNING:
        return
    if failure.code is FailureCode.RATE_LIMITED:
        circuit.note_refusal(job.host, retry_after_seconds=failure.retry_after_seconds)
    told = {"error_code": failure.code, "error": failure.message}
    if failure.is_retryable and job.attempts < settings.MAX_ATTEMPTS:
        delay = failures.retry_delay(
            job.attempts,
            base=settings.RETRY_DELAY,
            maximum=settings.RETRY_DELAY_MAX,
            jitter=random.random(),  # noqa: S311  (spreads retries, hides nothing)
        )
        delay = max(delay, circuit.asked_for(failure.retry_after_seconds).total_seconds())
        retention.give_back(
            job,
            only_if=lease.held,
            reason=f"again in {delay:.0f} s: {failure.code}",
            not_before=timezone.now() + timedelta(seconds=delay),
            pinned_format=pinned_format or job.pinned_format,
            **told,
        )
    else:
        retention.end(job, State.FAILED, only_if=lease.held, reason=failure.code, **told)


def stop(job: Job, lease: Lease, why: Stop, pinned_format: str | None = None) -> None:
    """Record that the attempt ended because somebody wanted it to. A lost lease leaves nothing to record."""
    job.refresh_from_db()
    if job.state != State.RUNNING or why is Stop.LOST:
        return
    if why is Stop.NO_ROOM:
        room.give_back(job, lease)
        return
    Job.objects.filter(pk=job.pk, **lease.held).update(pinned_format=pinned_format or job.pinned_format)
    if why is Stop.CANCEL:
        reason = asking.told(State.CANCELLED, is_operators=job.wish_is_operators)
        retention.end(job, State.CANCELLED, only_if=lease.held, reason=reason)
    else:
        uncounted = max(job.attempts - 1, 0)
        retention.give_back(job, only_if=lease.held, reason="its worker stops", attempts=uncounted)
