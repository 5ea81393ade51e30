"""Requests, watchers and a look at processes, for tests that run real downloads."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jobs.engine.contract import EgressPolicy, Limits, LogLine, Options, Progress, Request, Stop
from tests.origin import media

MIB = 1024 * 1024


def make_request(url: str, work_dir: Path, *, allow: Sequence[str] = (), **changes: Any) -> Request:
    """A request with generous limits. `changes` are fields of Limits, Options or Request."""
    limits = {
        "total_seconds": 30.0,
        "stall_seconds": 15.0,
        "max_file_bytes": 50 * MIB,
        "free_disk_bytes": MIB,
        "max_memory_bytes": 2048 * MIB,
    }
    limits |= {name: changes.pop(name) for name in list(changes) if name in Limits.__dataclass_fields__}
    options = {name: changes.pop(name) for name in list(changes) if name in Options.__dataclass_fields__}
    egress = changes.pop("egress", EgressPolicy(allow=tuple(allow)))
    return Request(
        job_id="job",
        url=url,
        options=Options(**options),
        limits=Limits(**limits),
        egress=egress,
        tools=media.tools(),
        work_dir=work_dir,
        default_format="bv*+ba/b",
        **changes,
    )


class Recorder:
    """A watcher that remembers everything, and wishes for a stop as soon as `when` holds."""

    def __init__(self, stop: Stop | None = None, when: Callable[["Recorder"], bool] = lambda _: True) -> None:
        self.progress: list[Progress] = []
        self.log: list[LogLine] = []
        self.wished_at: float | None = None
        self.ticks_since_progress = 0
        self._stop = stop
        self._when = when

    def tick(self, progress: Progress | None, log: Sequence[LogLine]) -> Stop | None:
        self.ticks_since_progress = 0 if progress else self.ticks_since_progress + 1
        self.progress += [progress] if progress else []
        self.log += log
        if self._stop is None or not self._when(self):
            return None
        self.wished_at = self.wished_at or time.monotonic()
        return self._stop

    @property
    def downloaded_bytes(self) -> int:
        return max((seen.downloaded_bytes or 0 for seen in self.progress), default=0)


def processes_in(directory: Path) -> dict[int, str]:
    """Processes whose working directory this is: their names by id."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == directory:
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], object], *, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
