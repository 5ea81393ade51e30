"""How the installation is now: what waits and runs, who works, what is stored. Reads rows that are few, whatever lies
in the tables; the one count of everything is `jobs_by_state`. What has happened over time is in `tallies`.
"""

import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from jobs import queries, storage
from jobs.engine import ffmpeg
from jobs.models import Delivery, Extraction, Job, Worker
from jobs.states import DeliveryState, ExtractionState, State

RELEASE = re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})")
WORKERS_SHOWN = timedelta(hours=1)


@dataclass(frozen=True)
class Queue:
    """What waits for workers and what they are at."""

    waiting: int  # all queued jobs,
    ready: int  # of which these could start now, and the others pause before another attempt
    oldest_seconds: float  # since when the one that is ready for longest is; 0 when none is
    running: dict[str, int] = field(default_factory=dict)  # jobs by worker host
    pages_waiting: int = 0  # to be read for formats, metadata and lists
    pages_running: int = 0


@dataclass(frozen=True)
class WorkerFigures:
    """A worker's last sign of life."""

    name: str
    host: str
    slots: int
    silent_seconds: float
    is_alive: bool
    tools: dict[str, str]


@dataclass(frozen=True)
class Storage:
    """Bytes. `free` is what the file system has left; `reserved` is promised to running downloads; no quota is None."""

    used: int
    free: int
    total: int
    reserved: int = 0
    quota: int | None = None


@dataclass(frozen=True)
class Deliveries:
    """Messages to receivers that are not delivered yet."""

    pending: int
    overdue_seconds: float  # of the one that is due for longest; 0 when none is


def queue() -> Queue:
    """Now. A job that pauses before another attempt is waiting, but not ready."""
    now = timezone.now()
    since = Greatest("queued_at", Coalesce("not_before", "queued_at"))
    is_ready = Q(not_before__isnull=True) | Q(not_before__lte=now)
    queued = Job.objects.filter(state=State.QUEUED).order_by()
    told = queued.aggregate(waiting=Count("id"), ready=Count("id", filter=is_ready), oldest=Min(since, filter=is_ready))
    running = Job.objects.filter(state=State.RUNNING).order_by().values_list("worker_host", flat=True)
    pages = Counter(Extraction.objects.filter(state__in=LIVE_PAGES).order_by().values_list("state", flat=True))
    return Queue(
        waiting=told["waiting"],
        ready=told["ready"],
        oldest_seconds=_since(told["oldest"], now),
        running=dict(Counter(running)),
        pages_waiting=pages[ExtractionState.QUEUED],
        pages_running=pages[ExtractionState.RUNNING],
    )


LIVE_PAGES = (ExtractionState.QUEUED, ExtractionState.RUNNING)


def jobs_by_state() -> dict[str, int]:
    """Every state, with how many jobs are in it. Reads an index of all jobs: half a second for 3 million."""
    counted = dict(Job.objects.order_by().values_list("state").annotate(jobs=Count("*")))
    return {state.value: counted.get(state, 0) for state in State}


def workers() -> list[WorkerFigures]:
    """The workers that were alive within the last hour, by name."""
    now = timezone.now()
    rows = Worker.objects.filter(seen_at__gte=now - WORKERS_SHOWN).order_by("name")
    return [
        WorkerFigures(
            name=row.name,
            host=row.host,
            slots=row.slots,
            silent_seconds=_since(row.seen_at, now),
            is_alive=now - row.seen_at <= queries.WORKER_SILENCE,
            tools=row.tools,
        )
        for row in rows
    ]


def stored() -> Storage:
    """What the results that are kept take, and what room there is. Reads the rows of those only."""
    return Storage(
        used=storage.used_bytes(),
        free=storage.free_bytes(),
        total=shutil.disk_usage(settings.STORAGE_DIR).total,
        reserved=storage.reserved_bytes(),
        quota=storage.quota_bytes() or None,
    )


def deliveries() -> Deliveries:
    """Now."""
    now = timezone.now()
    told = Delivery.objects.filter(state=DeliveryState.PENDING).aggregate(pending=Count("id"), oldest=Min("due_at"))
    return Deliveries(pending=told["pending"], overdue_seconds=_since(told["oldest"], now))


def tools_here(yt_dlp: str) -> dict[str, str]:
    """The versions of what downloads need on this machine, empty for what is missing. `yt_dlp` is the caller's."""
    try:
        tools = queries.tools()
    except ffmpeg.ToolMissingError:
        return {"yt_dlp": yt_dlp, "ffmpeg": "", "js_runtime": ""}
    runtime = tools.js_runtime
    return {"yt_dlp": yt_dlp, "ffmpeg": ffmpeg.version(tools), "js_runtime": runtime.name if runtime else ""}


def age_days(version: str) -> int | None:
    """The age of a version of yt-dlp, which is named after its day; None for other names."""
    found = RELEASE.match(version)
    if found is None:
        return None
    try:
        released = date(*(int(number) for number in found.groups()))
    except ValueError:
        return None
    return (timezone.now().date() - released).days


def _since(moment: datetime | None, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0) if moment else 0.0
