"""What is going on, for the operators' first page: figures of now and of the last 24 hours. Reads only.

Every query follows an index over live or lately ended jobs, so that millions of old rows cost nothing. Rows are
counted, not ids: an index that holds no ids answers that alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.core.cache import caches
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import TruncHour
from django.utils import timezone

from jobs import canaries, circuit, queries, samples, storage
from jobs.canaries import Trouble
from jobs.circuit import Spared
from jobs.models import Job, QueueSample, Worker
from jobs.states import State

DAY = timedelta(hours=24)
HOURS = 24
CACHE_SECONDS = 15
MOST_SITES = 12
MOST_JOBS = 100  # running ones that are named
SUCCESSFUL = (State.COMPLETED, State.EXPIRED)


@dataclass(frozen=True)
class SiteRate:
    """Downloads of one site that ended within the day."""

    host: str
    succeeded: int
    failed: int

    @property
    def percent(self) -> float:
        return 100.0 * self.succeeded / (self.succeeded + self.failed)


@dataclass(frozen=True)
class FailureClass:
    """Downloads that failed within the day for one reason; `example` is the key of one of them."""

    code: str
    jobs: int
    last_at: datetime
    example: int


@dataclass(frozen=True)
class Hour:
    """What ended within an hour; `begins_at` is the full hour."""

    begins_at: datetime
    succeeded: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One look at the installation."""

    at: datetime
    live: Mapping[str, int]
    ended: Mapping[str, int]
    sites: Sequence[SiteRate]
    failures: Sequence[FailureClass]
    hours: Sequence[Hour]
    samples: Sequence[QueueSample]
    oldest_queued_seconds: float
    workers: Sequence[tuple[Worker, Sequence[Job]]]
    free_bytes: int
    stored_bytes: int | None  # as the last sample has it
    spared: Spared
    failing: Sequence[Trouble]


def overview() -> Overview:
    """As it is now, or was up to CACHE_SECONDS ago."""
    return cast(Overview, caches["process"].get_or_set("overview", look, CACHE_SECONDS))


def look() -> Overview:
    """Read anew."""
    now = timezone.now()
    ended = Job.objects.filter(completed_at__gte=now - DAY).order_by()
    taken = samples.since(DAY)
    return Overview(
        at=now,
        live=_counts(Job.objects.filter(state__in=(State.QUEUED, State.RUNNING, State.PAUSED)).order_by()),
        ended=_counts(ended),
        sites=_sites(ended),
        failures=_failures(ended),
        hours=_hours(ended, now),
        samples=taken,
        oldest_queued_seconds=samples.oldest_queued_seconds(),
        workers=_workers(),
        free_bytes=storage.free_bytes(),
        stored_bytes=taken[-1].stored_bytes if taken else None,
        spared=circuit.spared(),
        failing=canaries.failing(),
    )


def _counts(jobs: QuerySet[Job]) -> dict[str, int]:
    rows: Any = jobs.values_list("state").annotate(jobs=Count("*"))
    return dict(rows)


_SUCCEEDED = Count("state", filter=Q(state__in=SUCCESSFUL))
_FAILED = Count("state", filter=Q(state=State.FAILED))


def _sites(ended: QuerySet[Job]) -> list[SiteRate]:
    judged = ended.filter(state__in=(*SUCCESSFUL, State.FAILED)).values("host")
    rows = judged.annotate(jobs=Count("*"), succeeded=_SUCCEEDED, failed=_FAILED).order_by("-jobs", "host")
    return [SiteRate(row["host"], row["succeeded"], row["failed"]) for row in rows[:MOST_SITES]]


def _failures(ended: QuerySet[Job]) -> list[FailureClass]:
    rows = ended.filter(state=State.FAILED).values("error_code")
    rows = rows.annotate(jobs=Count("*"), last_at=Max("completed_at"), example=Max("id")).order_by("-jobs")
    return [FailureClass(row["error_code"], row["jobs"], row["last_at"], row["example"]) for row in rows]


def _hours(ended: QuerySet[Job], now: datetime) -> list[Hour]:
    """The last 24 of them, the one that is not over last; those without anything too."""
    rows = ended.annotate(hour=TruncHour("completed_at")).values("hour")
    found = {row["hour"]: row for row in rows.annotate(succeeded=_SUCCEEDED, failed=_FAILED)}
    this = now.replace(minute=0, second=0, microsecond=0)
    none = {"succeeded": 0, "failed": 0}
    hours = [this - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    return [Hour(hour, found.get(hour, none)["succeeded"], found.get(hour, none)["failed"]) for hour in hours]


def _workers() -> list[tuple[Worker, list[Job]]]:
    """Who lives, each with what runs on its host."""
    running = Job.objects.filter(state=State.RUNNING).order_by("started_at", "id")
    columns = ("public_id", "title", "url", "host", "worker_host", "percent", "phase", "started_at")
    jobs = list(running.only(*columns)[:MOST_JOBS])
    workers = queries.living_workers().order_by("name")
    return [(worker, [job for job in jobs if job.worker_host == worker.host]) for worker in workers]
