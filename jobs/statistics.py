"""Figures over all jobs, computed from rows: a restart loses nothing. Reads only."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, F, Sum

from jobs.models import Job, MediaFile
from jobs.states import State

SAMPLE = 1000  # the newest downloads, which the average time is taken from


@dataclass(frozen=True)
class Statistics:
    """The whole installation's downloads. A download whose files have expired counts as completed."""

    total: int
    active: int
    queued: int
    completed: int
    failed: int
    downloaded_bytes: int
    stored_bytes: int
    average_seconds: float | None  # from start to end, of the last downloads that completed

    @property
    def success_percent(self) -> float:
        """Of the downloads that completed or failed; 100 when there are none."""
        ended = self.completed + self.failed
        return 100.0 * self.completed / ended if ended else 100.0


def statistics() -> Statistics:
    """Counted now, over all rows: with millions of them that takes seconds."""
    counts: Any = Job.objects.order_by().values_list("state").annotate(jobs=Count("*"))
    by_state: dict[str, int] = dict(counts)
    files = MediaFile.objects.order_by()
    return Statistics(
        total=sum(by_state.values()),
        active=by_state.get(State.RUNNING, 0),
        queued=by_state.get(State.QUEUED, 0),
        completed=by_state.get(State.COMPLETED, 0) + by_state.get(State.EXPIRED, 0),
        failed=by_state.get(State.FAILED, 0),
        downloaded_bytes=files.aggregate(sum=Sum("size_bytes"))["sum"] or 0,
        stored_bytes=files.filter(deleted_at__isnull=True).aggregate(sum=Sum("size_bytes"))["sum"] or 0,
        average_seconds=_average_seconds(),
    )


def _average_seconds() -> float | None:
    newest = Job.objects.filter(state=State.COMPLETED, started_at__isnull=False)[:SAMPLE]
    average = newest.aggregate(time=Avg(F("completed_at") - F("started_at")))["time"]
    return None if average is None else float(average.total_seconds())
