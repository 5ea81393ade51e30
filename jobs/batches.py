"""The state of a batch as its jobs move. The only writer of `Batch.state`; the jobs' own moves are `lifecycle`'s.

Whoever ends a job, or takes one back from its end, holds the batch's row from before the job's own change until the
transaction ends: of two jobs that end at the same time, the second one sees that the first is over. Everybody takes the
batch's row before those of its jobs, so that no two wait for each other.
"""

from typing import Any

from django.db.models import Count
from django.utils import timezone

from jobs.models import Batch, Extraction, Job
from jobs.states import LIVE, TERMINAL, BatchKind, State
from jobs.webhooks import outbox

ENDED_WELL = frozenset({State.COMPLETED, State.EXPIRED})


def hold(batch_id: int) -> Batch:
    """Lock the batch's row until the transaction ends. Rows that refer to it may be stored meanwhile."""
    return Batch.objects.select_for_update(no_key=True).get(pk=batch_id)


def hold_if_waiting(batch_id: int) -> Batch | None:
    """`hold` a batch of which nothing has begun; None, and no lock, for any other."""
    return Batch.objects.select_for_update(no_key=True).filter(pk=batch_id, state=State.QUEUED).first()


def begin(batch_id: int) -> None:
    """One of its jobs, or the reading of its list, has begun."""
    Batch.objects.filter(pk=batch_id, state=State.QUEUED).update(state=State.RUNNING, started_at=timezone.now())


def reopen(batch: Batch) -> None:
    """One of its jobs is queued again. `batch` is held."""
    batch.is_cancelled, batch.error = False, ""
    if batch.state in TERMINAL:
        batch.state = State.RUNNING if batch.started_at else State.QUEUED
        batch.completed_at = None
    batch.save(update_fields=["is_cancelled", "error", "state", "completed_at"])


def read_anew(batch: Batch) -> None:
    """Its list is asked for again, and what becomes of that decided again. `batch` is held and has no jobs."""
    reopen(batch)
    batch.is_expanded = False
    batch.selection.pop("chosen", None)
    batch.save(update_fields=["is_expanded", "selection"])


def list_read(batch: Batch, *, error: str = "") -> None:
    """All its jobs exist now; or there will be none, because of `error`. `batch` is held."""
    batch.is_expanded = True
    batch.error = error or batch.error
    batch.save(update_fields=["is_expanded", "error"])


def stop(batch: Batch, *, why: str) -> None:
    """Remember that an error ended it; what waits is cancelled by the caller. `batch` is held."""
    batch.error = why
    batch.save(update_fields=["error"])


def cancel(batch: Batch) -> None:
    """Remember that its caller cancelled it, so that no more jobs are added. `batch` is held."""
    batch.is_cancelled = batch.is_expanded = True
    batch.save(update_fields=["is_cancelled", "is_expanded"])


def settle(batch: Batch) -> bool:
    """End a batch that is held, if nothing of it is left to do. Whether it ended now."""
    if batch.state in TERMINAL or not batch.is_expanded:
        return False
    counts = counts_of(batch)
    if any(counts.get(state) for state in LIVE):
        return False
    batch.state = _verdict(batch, counts)
    batch.completed_at = timezone.now()
    if batch.state == State.FAILED and not batch.error:
        work = "pages" if batch.kind == BatchKind.METADATA else "downloads"
        batch.error = f"{counts.get(State.FAILED, 0)} of {sum(counts.values())} {work} failed."
    batch.save(update_fields=["state", "completed_at", "error"])
    outbox.batch_ended(batch, counts)
    return True


def counts_of(batch: Batch) -> dict[str, int]:
    """How many of its jobs are in each state; of a batch that downloads nothing, how many of the pages it reads."""
    rows: Any = Extraction.objects if batch.kind == BatchKind.METADATA else Job.objects
    return dict(rows.filter(batch=batch).order_by().values_list("state").annotate(rows=Count("id")))


def _verdict(batch: Batch, counts: dict[str, int]) -> State:
    """A batch that was stopped by an error failed, whatever it achieved before."""
    failed = counts.get(State.FAILED, 0)
    succeeded = sum(counts.get(state, 0) for state in ENDED_WELL)
    if batch.is_cancelled or (counts.get(State.CANCELLED) and not failed and not succeeded):
        return State.CANCELLED
    if batch.error or (failed and (batch.stop_on_error or not succeeded)):
        return State.FAILED
    return State.COMPLETED
