"""One job from claim to its end: claim, prepare, supervise, publish, record. Runs in a worker process."""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections, transaction
from django.utils import timezone

from jobs import lifecycle, queries, retention, scheduling, storage
from jobs.engine import failures, supervisor, templates
from jobs.engine.contract import (
    EgressPolicy,
    Failure,
    FailureCode,
    FileRole,
    Limits,
    LogLine,
    Outcome,
    ProducedFile,
    Progress,
    Request,
    Result,
    Stop,
)
from jobs.engine.domains import YOUTUBE
from jobs.lifecycle import Lease
from jobs.models import Job, JobLog, MediaFile
from jobs.queue import process
from jobs.states import State, Wish

log = structlog.get_logger(__name__)

RENEW_SECONDS = 1.0
LOG_LINES_KEPT = 500
DATABASE_PATIENCE_SECONDS = 60.0
DATABASE_POLL_SECONDS = 0.5

T = TypeVar("T")
Published: TypeAlias = list[tuple[ProducedFile, str]]


def run_next() -> bool:
    """Run the job that is next on this host to its end. False when none is due.

    To be called again and again: the slot that a job leaves is taken by the next call, without a wake-up.
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


def patiently(act: Callable[..., T], *arguments: Any) -> T:
    """Call a function that writes to the database, again until DATABASE_PATIENCE_SECONDS are over while that is down.

    What a download took hours for must not be lost because the database restarts. `act` is one transaction.
    """
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return act(*arguments)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("database out of reach", error=type(error).__name__)
            connections.close_all()
            time.sleep(DATABASE_POLL_SECONDS)


def claim_next() -> tuple[Job, Lease] | None:
    """Choose and claim in one transaction, so that the limits that `scheduling` checks still hold at the claim."""
    lease = Lease(owner=f"{process.name()}:{uuid.uuid4().hex[:12]}", host=process.HOST, seconds=settings.LEASE_SECONDS)
    with transaction.atomic():
        scheduling.serialise_claims()
        job = scheduling.next_job(process.HOST)
        if job is None or not lifecycle.claim(job, lease):
            return None
    return job, lease


def attempt(job: Job, lease: Lease) -> Outcome:
    """Download in a confined child, progress and wishes flowing through the job's row."""
    watcher = JobWatcher(job, lease)
    request = build_request(job)
    connections.close_all()  # the child must not share a database connection
    outcome = supervisor.run(request, watcher)
    if outcome.stopped is not Stop.LOST:
        patiently(watcher.flush, outcome.log)
    return outcome


def build_request(job: Job) -> Request:
    """The engine's view of the job and of this installation's limits."""
    options = job.download_options()
    return Request(
        job_id=job.public_id,
        url=job.url,
        options=options,
        limits=Limits(
            total_seconds=options.timeout_sec or settings.YTDLP_TIMEOUT,
            stall_seconds=settings.YTDLP_PROGRESS_TIMEOUT,
            max_file_bytes=settings.MAX_FILE_SIZE_BYTES,
            free_disk_bytes=settings.FREE_DISK_FLOOR_BYTES,
            max_memory_bytes=settings.MAX_CHILD_MEMORY_BYTES,
        ),
        egress=EgressPolicy(allow_private=settings.ALLOW_PRIVATE_ADDRESSES, allow=tuple(settings.EGRESS_ALLOW)),
        tools=queries.tools(),
        work_dir=storage.make_work_directory(job.public_id),
        default_format=settings.YTDLP_FORMAT,
        pinned_format=job.pinned_format or None,
        allowed_hosts=tuple(settings.ALLOWED_DOMAINS),
        refused_hosts=() if settings.ALLOW_YT_DOWNLOADS else YOUTUBE,
    )


class JobWatcher:
    """The job's row as the supervisor sees it: progress in, wishes out."""

    def __init__(self, job: Job, lease: Lease) -> None:
        self.job = job
        self.lease = lease
        self._pending: dict[str, Any] = {}
        self._lines: list[LogLine] = []
        self._renew_at = 0.0
        self._lost_at = time.monotonic() + lease.seconds

    def tick(self, progress: Progress | None, log_lines: Sequence[LogLine]) -> Stop | None:
        """Store what is new once a second; tell why the attempt should end.

        While the database is out of reach the attempt goes on, until its lease cannot be alive any more.
        """
        self._lines.extend(log_lines)
        if progress is not None:
            self._pending = progress_columns(progress)
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
        self._pending = {}
        self.flush()
        return Stop.DRAIN if process.is_draining() else None

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
    """Publish the files, then record them and the completion in one transaction. Without the record, no files stay."""
    if not patiently(lifecycle.holds, job, lease):
        return
    published = publish(job, result)
    is_recorded = False
    try:
        is_recorded = patiently(record, job, lease, result, published)
    finally:
        if not is_recorded:
            withdraw(published)


def record(job: Job, lease: Lease, result: Result, published: Published) -> bool:
    """Complete the job, with its files. False when the lease was lost."""
    job.refresh_from_db()
    with transaction.atomic():
        is_recorded = job.state == State.RUNNING and retention.end(
            job,
            State.COMPLETED,
            only_if=lease.held,
            reason=f"{len(published)} file(s)",
            title=str(result.metadata.get("title") or "")[:500],
            extractor=result.extractor[:100],
            metadata=result.metadata,
            percent=100.0,
            downloaded_bytes=result.files[0].size_bytes,
            total_bytes=result.files[0].size_bytes,
            provenance={"options": job.options, "versions": result.versions},
            expires_at=retention.expiry_from_now(),
        )
        if is_recorded:
            MediaFile.objects.bulk_create(file_rows(job, published))
    return is_recorded


def publish(job: Job, result: Result) -> Published:
    """Move the files into the storage under the names that the path template gives. All or none."""
    name = templates.render(job.download_options().path_template, {**result.template_values, "batch_id": ""})
    main, *companions = result.files
    published: Published = []
    try:
        published.append((main, storage.publish(main.path, name)))
        for file in companions:  # beside the name that the main file got: the one it wanted may be another job's
            published.append((file, storage.publish(file.path, templates.sibling(published[0][1], suffix(file)))))
    except BaseException:
        withdraw(published)
        raise
    return published


def withdraw(published: Published) -> None:
    """Delete files that were published for nothing."""
    for _, path in published:
        storage.delete_result(path)


def suffix(file: ProducedFile) -> str:
    """What distinguishes a companion file's name from the main file's."""
    extension = Path(file.path).suffix
    if file.role is FileRole.INFO:
        return ".info.json"
    return f".{file.language}{extension}" if file.language else extension


def file_rows(job: Job, published: Published) -> list[MediaFile]:
    return [
        MediaFile(
            job=job,
            role=file.role,
            path=path,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            mime_type=file.mime_type,
            duration_seconds=file.duration_seconds,
            language=file.language or "",
        )
        for file, path in published
    ]


def fail(job: Job, lease: Lease, failure: Failure, pinned_format: str | None = None) -> None:
    """Queue the job for another attempt if that may help, else record why it failed."""
    log.warning("attempt failed", code=failure.code, detail=failure.detail)
    job.refresh_from_db()
    if job.state != State.RUNNING:
        return
    told = {"error_code": failure.code, "error": failure.message}
    if failure.is_retryable and job.attempts < settings.MAX_ATTEMPTS:
        delay = failures.retry_delay(
            job.attempts,
            base=settings.RETRY_DELAY,
            maximum=settings.RETRY_DELAY_MAX,
            jitter=random.random(),  # noqa: S311  (spreads retries, hides nothing)
        )
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
    Job.objects.filter(pk=job.pk, **lease.held).update(pinned_format=pinned_format or job.pinned_format)
    if why is Stop.CANCEL:
        retention.end(job, State.CANCELLED, only_if=lease.held, reason="cancelled by the caller")
    else:
        uncounted = max(job.attempts - 1, 0)
        retention.give_back(job, only_if=lease.held, reason="its worker stops", attempts=uncounted)
