"""What the service's database says, read past the service: it is the witness, and must not share the accused's code."""

import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

LOOK_SECONDS = 0.25
BUSY_SECONDS = 10.0
FORMAT = "%Y-%m-%d %H:%M:%S.%f"
# Columns that tell a time, of the tables that the service acts by.
TIMES = {
    "jobs_job": (
        "lease_expires_at", "not_before", "created_at", "queued_at", "started_at", "completed_at", "expires_at",
    ),
    "jobs_chore": ("due_at",),
    "jobs_delivery": ("created_at", "due_at", "lease_expires_at"),
    "jobs_worker": ("seen_at",),
    "django_q_ormq": ("lock",),
}  # fmt: skip


class Ledger:
    """One database, whichever it is."""

    def __init__(self, *, url: str = "", file: Path | None = None) -> None:
        self.url = url
        self._file = file

    @property
    def is_postgres(self) -> bool:
        return bool(self.url)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        if self.url:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return list(connection.execute(statement).fetchall())  # type: ignore[arg-type]
        with closing(sqlite3.connect(str(self._file), timeout=BUSY_SECONDS)) as connection:
            return connection.execute(statement).fetchall()

    def change(self, statement: str) -> int:
        """How many rows a statement changed."""
        if self.url:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return connection.execute(statement).rowcount  # type: ignore[arg-type]
        with closing(sqlite3.connect(str(self._file), timeout=BUSY_SECONDS)) as connection, connection:
            return connection.execute(statement).rowcount

    def states(self, jobs: Sequence[str]) -> dict[str, str]:
        """The state of each job."""
        return dict(self.rows(f"SELECT public_id, state FROM jobs_job WHERE public_id IN ({quoted(jobs)})"))

    def unleased(self, lease_seconds: float) -> set[str]:
        """Running jobs that no living worker holds: their lease is over, or ends later than any living one does."""
        now = datetime.now(UTC)
        latest = now + timedelta(seconds=lease_seconds + 2)
        lapsed = f"lease_expires_at < '{self.moment(now)}' OR lease_expires_at > '{self.moment(latest)}'"
        return {row[0] for row in self.rows(f"SELECT public_id FROM jobs_job WHERE state = 'running' AND ({lapsed})")}

    def events(self, jobs: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """The moves of each job in order, from and to."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        moves = "SELECT j.public_id, e.source, e.target FROM jobs_jobevent e JOIN jobs_job j ON j.id = e.job_id"
        for job, source, target in self.rows(f"{moves} WHERE j.public_id IN ({quoted(jobs)}) ORDER BY e.id"):
            found[job].append((source, target))
        return found

    def files(self, jobs: Sequence[str]) -> list[tuple[str, str, str]]:
        """Of each result file: whose it is, where it lies in the storage, and its SHA-256 as recorded."""
        files = "SELECT j.public_id, f.path, f.sha256 FROM jobs_mediafile f JOIN jobs_job j ON j.id = f.job_id"
        return self.rows(f"{files} WHERE j.public_id IN ({quoted(jobs)}) AND f.deleted_at IS NULL")  # type: ignore[return-value]

    def undelivered(self) -> int:
        """Messages that are still to be sent."""
        return int(self.rows("SELECT count(*) FROM jobs_delivery WHERE state = 'pending'")[0][0])

    def shift_times(self, delta: timedelta) -> None:
        """Move every time that is recorded: for the service that is as if its clock had moved the other way."""
        for table, columns in TIMES.items():
            if self.url:
                moved = ", ".join(f"{name} = {name} + interval '{delta.total_seconds()} seconds'" for name in columns)
            else:
                step = f"'{delta.total_seconds():+} seconds'"
                # Six digits, as the service writes them: it compares texts.
                moved = ", ".join(
                    f"{name} = strftime('%Y-%m-%d %H:%M:%S', {name}, {step}) || substr({name}, 20)" for name in columns
                )
            self.change(f"UPDATE {table} SET {moved}")

    def moment(self, time_: datetime) -> str:
        """A time as this database writes it."""
        return f"{time_:{FORMAT}}{'+00' if self.url else ''}"


def quoted(names: Sequence[str]) -> str:
    """Names that the service made, as a list in SQL."""
    return ", ".join(f"'{name}'" for name in names) or "''"


class Watch:
    """Looks again and again for jobs in `running` without a living lease, for as long as the block lasts."""

    def __init__(self, ledger: Ledger, lease_seconds: float) -> None:
        self._ledger = ledger
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.longest_seconds = 0.0
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        since: dict[str, float] = {}
        while not self._over.wait(LOOK_SECONDS):
            try:
                lapsed = self._ledger.unleased(self._lease_seconds)
            except (sqlite3.Error, psycopg.Error):  # the database is what is broken just now
                continue
            now = time.monotonic()
            self.looks += 1
            since = {job: since.get(job, now) for job in lapsed}
            self.longest_seconds = max([self.longest_seconds, *(now - begun for begun in since.values())])
