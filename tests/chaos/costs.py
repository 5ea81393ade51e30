"""`python -m tests.chaos.costs`: what a job costs database and processors, for the figures of docs/scaling.md."""

import json
import multiprocessing
import os
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from bench.memory import tree
from bench.results import machine
from tests.chaos import BUILD
from tests.chaos.load import Kind, Load, wait
from tests.chaos.service import Service, running_service
from tests.chaos.stages import database_of
from tests.origin.server import Origin
from tests.postgres import own_server, programs_directory

FINISHED_ROWS = 100_000
QUEUED_ROWS = 400
CLAIMERS = (1, 4)
SAMPLE_JOBS = 20
SMALL = Kind("/video.mp4")
TABLES = ("jobs_job", "jobs_jobevent", "jobs_mediafile", "jobs_joblog", "jobs_delivery", "jobs_deliveryattempt")


def main() -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="media-costs-")))
        server = stack.enter_context(own_server(programs_directory()[0]))
        url = database_of(server)
        with Origin() as origin, running_service(directory, url, MAX_CONCURRENT_DOWNLOADS="4") as service:
            found = {"a job": of_jobs(service, origin, url)}
        multiply(url)
        os.environ |= {"ENV_FILE": os.devnull, "DATABASE_URL": url, "STORAGE_DIR": str(directory / "data")}
        os.environ |= {"LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "downloader_project.settings"}
        os.environ["MAX_CONCURRENT_DOWNLOADS"] = "1000000"
        os.environ["MAX_DOWNLOADS_PER_HOST"] = "0"
        found["claim and completion"] = {str(number): claims_a_second(url, number) for number in CLAIMERS}
    content = {"machine": machine(), **found}
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "costs.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=2))


def of_jobs(service: Service, origin: Origin, url: str) -> dict[str, Any]:
    """Processor seconds of web and workers, and bytes and transactions of the database, for one small download."""
    load = Load(origin, origin.host)
    before, transactions, began = cpu_seconds(service), committed(url), time.monotonic()
    for _ in range(SAMPLE_JOBS):
        load.submit(service, SMALL)
    wait(
        lambda: set(service.ledger.states(load.jobs).values()) == {"completed"},
        seconds=300,
        what="the sample is downloaded",
    )
    after = cpu_seconds(service)
    return {
        "jobs": SAMPLE_JOBS,
        "seconds in all": time.monotonic() - began,
        **{f"{name} processor seconds": (after[name] - before[name]) / SAMPLE_JOBS for name in before},
        "transactions": (committed(url) - transactions) / SAMPLE_JOBS,
        "database bytes": row_bytes(url),
    }


def cpu_seconds(service: Service) -> dict[str, float]:
    """Of web and worker: their own, and of all children that have ended."""
    return {"web": _cpu_seconds(service.web.pid), "worker": _cpu_seconds(service.worker.pid)}


def _cpu_seconds(root: int) -> float:
    ticks = 0
    for pid in tree(root):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def committed(url: str) -> int:
    return int(_row(url, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))


def row_bytes(url: str) -> float:
    """What a finished job takes in the tables, without the indexes' and tables' first pages."""
    with psycopg.connect(url, autocommit=True) as connection:
        sizes = [
            connection.execute(f"SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM {table} t").fetchone()  # type: ignore[arg-type]
            for table in TABLES
        ]
    return sum(float(size[0]) for size in sizes if size) / SAMPLE_JOBS


def multiply(url: str) -> None:
    """A history, so that what is measured is not an empty table, and jobs that wait."""
    columns = _columns(url)
    kept = ", ".join(column for column in columns if column not in ("id", "public_id", "state"))
    history = f"INSERT INTO jobs_job (public_id, state, {kept}) SELECT 'old_' || n, 'completed', {kept}"
    waiting = f"INSERT INTO jobs_job (public_id, state, {kept}) SELECT 'new_' || n, 'queued', {kept}"
    source = "(SELECT * FROM jobs_job ORDER BY id LIMIT 1) one, generate_series(1, {}) n"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{history} FROM {source.format(FINISHED_ROWS)}")  # type: ignore[arg-type]
        connection.execute(f"{waiting} FROM {source.format(QUEUED_ROWS * len(CLAIMERS))}")  # type: ignore[arg-type]
        connection.execute("VACUUM ANALYZE")
        size = connection.execute("SELECT pg_total_relation_size('jobs_job')").fetchone()
    print(
        f"{FINISHED_ROWS} finished jobs take {size[0] if size else 0} bytes in jobs_job, indexes included", flush=True
    )


def claims_a_second(url: str, processes: int) -> float:
    """Claims, each with its completion, by so many processes on this machine, as workers make them."""
    share = QUEUED_ROWS // processes
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_prepare) as pool:
        pool.map(_claim, [1] * processes, chunksize=1)  # until all are there
        begun = time.monotonic()
        done = sum(pool.map(_claim, [share] * processes, chunksize=1))
        return done / (time.monotonic() - begun)


def _prepare() -> None:
    import django

    django.setup()
    from django.db import connections

    connections.settings["default"]["OPTIONS"].pop("pool", None)
    connections["default"].ensure_connection()


def _claim(times: int) -> int:
    from django.db import transaction

    from jobs import lifecycle, scheduling
    from jobs.states import State

    done = 0
    for _ in range(times):
        lease = lifecycle.Lease(owner=f"costs:{uuid.uuid4().hex}", host="costs", seconds=15)
        with transaction.atomic():
            scheduling.serialise_claims()
            job = scheduling.next_job("costs")
            if job is None or not lifecycle.claim(job, lease):
                continue
        done += lifecycle.move(job, State.COMPLETED, only_if=lease.held, reason="measured")
    return done


def _columns(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'jobs_job'"
        ).fetchall()
    return [str(name) for (name,) in rows]


def _row(url: str, statement: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


if __name__ == "__main__":
    main()
