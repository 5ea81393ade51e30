"""Whether what the service needs is there: one check for each thing, each with a sentence that anybody may read."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from jobs import figures, queue, storage
from jobs.engine import updates
from jobs.figures import WorkerFigures
from jobs.models import Job, Worker
from jobs.queue import process
from jobs.states import State

PATIENCE_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"  # something to see to, while downloads go on
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """What one check came to."""

    status: Health
    message: str


class CheckFailed(Exception):
    """The message says what is missing; it is shown to anybody."""


class CheckWarns(Exception):
    """The message says what there is to see to; it is shown to anybody."""


def report() -> dict[str, Check]:
    """All checks, by name. When the database does not answer, that is waited for once, for PATIENCE_SECONDS."""
    checks = {"database": _outcome("database", database)}
    if checks["database"].status is Health.FAILED:
        unknown = Check(Health.FAILED, "not known: the database does not answer")
        checks |= dict.fromkeys(OF_ROWS, unknown) | ({} if settings.REDIS_URL else {"broker": unknown})
    else:
        checks |= _of_rows()
    others = {name: check for name, check in OTHERS.items() if name not in checks}
    checks |= {name: _outcome(name, check) for name, check in others.items()}
    return {name: checks[name] for name in NAMES}


def _of_rows() -> dict[str, Check]:
    try:
        workers = [worker for worker in figures.workers() if worker.is_alive]
    except DatabaseError:
        log.exception("health check failed", check="workers")
        return dict.fromkeys(OF_ROWS, Check(Health.FAILED, "not known: tables are missing; run manage.py setup"))
    return {name: _outcome(name, partial(check, workers)) for name, check in OF_ROWS.items()}


def database() -> str:
    pool = getattr(connection, "pool", None)
    if pool is not None and connection.connection is None:  # else a dead database would be waited for at length
        with connection.wrap_database_errors:
            pool.open()
            pool.putconn(pool.getconn(timeout=PATIENCE_SECONDS))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def broker() -> str:
    """What carries wake-ups: Redis, or the database."""
    carrier = "Redis" if settings.REDIS_URL else "the database"
    try:
        queue.check_broker()
    except queue.BrokerUnreachable as error:
        raise CheckFailed(f"{carrier} does not answer: downloads wait") from error
    return f"{carrier} answers"


def stored() -> str:
    started = time.monotonic()
    storage.probe()
    return f"writes and reads, in {1000 * (time.monotonic() - started):.0f} ms"


def disk() -> str:
    free = storage.free_bytes()
    if free < settings.FREE_DISK_FLOOR_BYTES:
        raise CheckFailed(f"{free} bytes free, less than the floor of {settings.FREE_DISK_FLOOR_BYTES}")
    return f"{free} bytes free"


def alive(workers: list[WorkerFigures]) -> str:
    if not workers:
        raise CheckFailed("no worker is alive: downloads wait")
    newest = min(worker.silent_seconds for worker in workers)
    return f"{len(workers)} alive, the last sign of life {newest:.0f} s ago"


def ffmpeg(workers: list[WorkerFigures]) -> str:
    """On every living worker; here, when there is none or all are of an older version."""
    told = _told(workers, "ffmpeg")
    if missing := told.count(""):
        raise CheckFailed(f"missing on {missing} of {len(told)} workers: downloads fail there")
    return f"found: {_listed(told)}"


def js_runtime(workers: list[WorkerFigures]) -> str:
    told = _told(workers, "js_runtime")
    if missing := told.count(""):
        raise CheckWarns(
            f"missing on {missing} of {len(told)} workers: sites that need a JavaScript runtime fail there"
        )
    return f"found: {_listed(told)}"


def yt_dlp(workers: list[WorkerFigures]) -> str:
    """The oldest that a living worker has."""
    versions = {version: figures.age_days(version) for version in _told(workers, "yt_dlp")}
    version = max(versions, key=lambda version: versions[version] or 0)
    age = versions[version]
    if age is None:
        return f"{version}, of unknown age"
    if age > settings.YTDLP_OLD_DAYS:
        raise CheckWarns(f"{version} is {age} days old: sites may have changed since; see manage.py update_engine")
    return f"{version}, {age} days old"


def worker_here() -> str:
    """A line on this machine's worker. Raises CheckFailed when it is not alive."""
    mine = [worker for worker in figures.workers() if worker.host == process.HOST]
    newest = min(mine, key=lambda worker: worker.silent_seconds, default=None)
    if newest is None:
        seen = Worker.objects.filter(host=process.HOST).order_by("-seen_at").first()
        last = f"the last sign of life came at {seen.seen_at:%Y-%m-%d %H:%M:%S} UTC" if seen else "there never was one"
        raise CheckFailed(f"no worker is alive on {process.HOST}; {last}")
    if not newest.is_alive:
        raise CheckFailed(f"{newest.name} has given no sign of life for {newest.silent_seconds:.0f} s")
    running = Job.objects.filter(state=State.RUNNING, worker_host=process.HOST).count()
    return f"{newest.name}, seen {newest.silent_seconds:.0f} s ago, {running} of {newest.slots} downloads"


OF_ROWS: dict[str, Callable[[list[WorkerFigures]], str]] = {
    "workers": alive,
    "ffmpeg": ffmpeg,
    "js_runtime": js_runtime,
    "yt_dlp": yt_dlp,
}
OTHERS: dict[str, Callable[[], str]] = {"broker": broker, "storage": stored, "disk": disk}
NAMES = ("database", "broker", "storage", "disk", "workers", "ffmpeg", "js_runtime", "yt_dlp")


def _outcome(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(Health.OK, check())
    except CheckFailed as error:
        return Check(Health.FAILED, str(error))
    except CheckWarns as warning:
        return Check(Health.WARNING, str(warning))
    except (DatabaseError, OSError):
        log.exception("health check failed", check=name)
        return Check(Health.FAILED, "not available")


def _told(workers: list[WorkerFigures], tool: str) -> list[str]:
    """The version that each worker tells, empty where it is missing; this machine's, when none tells."""
    told = [worker.tools[tool] for worker in workers if tool in worker.tools]
    return told or [figures.tools_here(updates.bundled())[tool]]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))
