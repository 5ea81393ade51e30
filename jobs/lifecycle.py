"""The life of a job: create, claim, renew, move. The only writer of `Job.state`; every move leaves its event,
and messages to whoever wants to be told.

Each change is a compare-and-set: a conditional UPDATE whose row count tells whether this caller won.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs import asking, batches, leases, tallies
from jobs.models import Batch, Job, JobEvent
from jobs.states import TERMINAL, State, Wish, is_allowed
from jobs.webhooks import outbox

log = structlog.get_logger(__name__)

Conditions = Mapping[str, Any]  # look-ups that the job's row must match
AT_ONCE = 500  # rows named in one statement

FULFILLED = {Wish.CANCEL: State.CANCELLED, Wish.PAUSE: State.PAUSED, Wish.NONE: State.QUEUED}
NO_LEASE: Mapping[str, Any] = {
    "lease_owner": "",
    "lease_expires_at": None,
    "worker_host": "",
    "wish": Wish.NONE,
    "wish_is_operators": False,
}
NO_RATE: Mapping[str, Any] = {"phase": "", "speed_bps": None, "eta_seconds": None}
NO_PROGRESS: Mapping[str, Any] = {"percent": None, "downloaded_bytes": None, "total_bytes": None, **NO_RATE}


class IllegalMove(Exception):
    """The state machine has no such edge: a defect of the caller, not a race."""


@dataclass(frozen=True)
class Lease:
    """Who runs a job. `owner` is unique to one attempt, so that a worker never mistakes another's lease for its own."""

    owner: str
    host: str
    seconds: float

    @property
    def held(self) -> Conditions:
        """What holds for a job's row as long as this lease does."""
        return {"lease_owner": self.owner}

    def expiry(self) -> Combinable:
        return leases.end_of(self.seconds)


def create(job: Job) -> Job:
    """Store a new, unsaved job as queued, with its first event. Waking a worker is the caller's part."""
    with transaction.atomic():
        job.state = State.QUEUED
        job.save(force_insert=True)
        JobEvent.objects.create(job=job, target=State.QUEUED, reason="submitted")
        tallies.submitted([job])
    return job


def create_all(jobs: Sequence[Job]) -> None:
    """`create` for many new jobs at once."""
    with transaction.atomic():
        for job in jobs:
            job.state = State.QUEUED
        Job.objects.bulk_create(jobs)
        JobEvent.objects.bulk_create([JobEvent(job=job, target=State.QUEUED, reason="submitted") for job in jobs])
        tallies.submitted(jobs)


def claim(job: Job, lease: Lease) -> bool:
    """Take a queued job to run it, with the reservation that `job` has. False when somebody else was faster."""
    now = timezone.now()
    return move(
        job,
        State.RUNNING,
        reason=f"attempt {job.attempts + 1}",
        lease_owner=lease.owner,
        lease_expires_at=lease.expiry(),
        worker_host=lease.host,
        attempts=F("attempts") + 1,
        reserved_bytes=job.reserved_bytes,
        started_at=Coalesce("started_at", now),
        not_before=None,
        error="",
        error_code="",
        wish=Wish.NONE,
    )


def renew(job: Job, lease: Lease, progress: Mapping[str, Any]) -> bool:
    """Store progress and prolong the lease, in one statement.

    False when the lease is lost or the caller wishes something: `wish_of` tells which. Nothing is stored then.
    """
    mine = Job.objects.filter(pk=job.pk, state=State.RUNNING, lease_owner=lease.owner, wish=Wish.NONE)
    return bool(mine.update(lease_expires_at=lease.expiry(), **progress))


def holds(job: Job, lease: Lease) -> bool:
    """Whether the lease still belongs to the running job."""
    return Job.objects.filter(pk=job.pk, state=State.RUNNING, **lease.held).exists()


def wish_of(job: Job, lease: Lease) -> Wish | None:
    """What the caller wishes of the running job; None when the lease is lost."""
    wish = (
        Job.objects.filter(pk=job.pk, state=State.RUNNING, lease_owner=lease.owner)
        .values_list("wish", flat=True)
        .first()
    )
    return None if wish is None else Wish(wish)


def ask(job: Job, wish: Wish) -> bool:
    """Leave a wish for the worker that runs the job. False when it is not running. A cancel is never taken back."""
    running = Job.objects.filter(pk=job.pk, state=State.RUNNING).exclude(wish=Wish.CANCEL)
    asked = running.update(wish=wish, wish_is_operators=asking.is_operator())
    return bool(asked) or Job.objects.filter(pk=job.pk, state=State.RUNNING, wish=wish).exists()


def move(job: Job, target: State, *, reason: str = "", only_if: Conditions | None = None, **changes: Any) -> bool:
    """Move the job from the state it was read in to `target`, with its event, in one transaction.

    With `only_if`, only while these conditions hold as well. False when somebody else was faster; `job` is refreshed in
    any case, so that the caller sees what became of it.
    """
    source = State(job.state)
    with transaction.atomic():
        batch = _held_batch(job, source, target)
        moved = _apply(job, target, reason, only_if or {}, changes)
        if moved and batch is not None:
            _move_batch(job, source, batch)
    if moved:
        log.info("job moved", job=job.public_id, source=source, target=target, attempt=job.attempts, reason=reason)
    return moved


def give_back(job: Job, *, only_if: Conditions, reason: str, **if_queued: Any) -> bool:
    """Return a running job to the queue, or to where its caller wished it in the meantime: no wish is lost.

    `if_queued` are changes for the case that it is queued. False when `only_if` does not hold any more.
    """
    while True:
        job.refresh_from_db()
        wish = Wish(job.wish)
        target = FULFILLED[wish]
        changes = if_queued if target is State.QUEUED else {}
        why = reason if target is State.QUEUED else asking.told(target, is_operators=job.wish_is_operators)
        if job.state != State.RUNNING:
            return False
        if move(job, target, reason=why, only_if={**only_if, "wish": wish}, **changes):
            return True
        if job.state == State.RUNNING and job.wish == wish:  # it was not the wish that changed
            return False


def ask_all(batch: Batch, wish: Wish) -> int:
    """`ask` for every job of the batch that runs. Returns how many those are."""
    running = Job.objects.filter(batch=batch, state=State.RUNNING)
    running.exclude(wish=Wish.CANCEL).update(wish=wish, wish_is_operators=asking.is_operator())
    return running.count()


def cancel_waiting(batch: Batch, *, reason: str) -> list[Job]:
    """Cancel the jobs of a batch that wait or are paused; what runs goes on to its end. `batch` is held.

    Settling the batch is the caller's part. Returns those that were cancelled, as they were before.
    """
    waiting = Job.objects.filter(batch=batch, state__in=(State.QUEUED, State.PAUSED))
    jobs = list(waiting.select_for_update(no_key=True).order_by("id"))
    for start in range(0, len(jobs), AT_ONCE):
        some = [job.pk for job in jobs[start : start + AT_ONCE]]
        Job.objects.filter(pk__in=some).update(state=State.CANCELLED, **_entering(State.CANCELLED, {}))
    JobEvent.objects.bulk_create(
        [
            JobEvent(job=job, source=job.state, target=State.CANCELLED, attempt=job.attempts, reason=reason)
            for job in jobs
        ]
    )
    tallies.cancelled(jobs)
    outbox.jobs_moved(jobs, State.CANCELLED)
    return jobs


def _apply(job: Job, target: State, reason: str, only_if: Conditions, changes: Mapping[str, Any]) -> bool:
    """The compare-and-set itself, with its event; what it means for the batch is the caller's part."""
    source = State(job.state)
    if not is_allowed(source, target):
        raise IllegalMove(f"{source} -> {target}")
    unchanged = Job.objects.filter(pk=job.pk, state=source, **only_if)
    is_news = target is not State.RUNNING or job.started_at is None  # an attempt that follows another one is none
    waited = timezone.now() - max(job.queued_at, job.not_before or job.queued_at)
    moved = bool(unchanged.update(state=target, **_entering(target, changes)))
    job.refresh_from_db()
    if moved:
        JobEvent.objects.create(job=job, source=source, target=target, attempt=job.attempts, reason=reason)
        tallies.moved(job, source, waited_seconds=max(waited.total_seconds(), 0.0))
        if is_news:
            outbox.jobs_moved([job], target)
    return moved


def _held_batch(job: Job, source: State, target: State) -> Batch | None:
    """The job's batch, held, if the move may change its state."""
    if job.batch_id is None:
        return None
    if target is State.RUNNING:
        return batches.hold_if_waiting(job.batch_id)
    return batches.hold(job.batch_id) if target in TERMINAL or source in TERMINAL else None


def _move_batch(job: Job, source: State, batch: Batch) -> None:
    """What the job's move means for its batch."""
    if job.state == State.RUNNING:
        batches.begin(batch.pk)
    elif job.state == State.QUEUED and source in TERMINAL:
        batches.reopen(batch)
    elif job.state != State.EXPIRED:
        if job.state == State.FAILED and batch.stop_on_error and not batch.error:
            batches.stop(batch, why=f"Stopped because {job.public_id} failed: {job.error or 'no reason is known.'}")
            cancel_waiting(batch, reason=f"{job.public_id} failed")
        batches.settle(batch)


def _entering(target: State, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a state implies for the other columns; `changes` win."""
    now = timezone.now()
    if target is State.RUNNING:
        return {**NO_PROGRESS, **changes}
    if target is State.QUEUED:
        anew = {"completed_at": None, "expires_at": None, "webhook_sent": False}
        return {**NO_LEASE, **NO_RATE, **anew, **changes}
    if target is State.EXPIRED:
        return dict(changes)
    ended = {"completed_at": now} if target in TERMINAL else {}
    return {**NO_LEASE, **NO_RATE, **ended, **changes}
