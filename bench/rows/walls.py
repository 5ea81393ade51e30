"""Row h: what the walls around a child cost: the same attempts with and without them, in turns.

The service has no switch for that, and shall have none. Here the engine is run by itself, and the walls are taken out
of the module that builds them, for the children that this process forks.
"""

import contextlib
import logging
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench import NotMeasured
from bench.command import FORMAT
from bench.figures import Bound, Figure, Target, middle
from bench.media import MEDIUM, SMALL, Film
from bench.workbench import Workbench
from jobs.engine import confinement, supervisor, surroundings
from jobs.engine.contract import EgressPolicy, Limits, LogLine, Options, Progress, Request, Stop
from jobs.engine.warm import warm

log = logging.getLogger("bench")

ROUNDS = 30
MOST = 1.05
FILMS = ((SMALL, "100 kB"), (MEDIUM, "10 MB"))


@dataclass
class _Side:
    """Samples of one side, in seconds."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


class _Nobody:
    """A watcher without wishes."""

    def tick(self, _progress: Progress | None, _log: Sequence[LogLine]) -> Stop | None:
        return None


def measure(bench: Workbench) -> list[Figure]:
    """Each round begins with the other side, after one run of each that does not count."""
    warm(bench.tools)
    if trouble := surroundings.trouble(bench.tools, bench.directory):  # as a worker does, and what it finds is kept
        log.warning("%s", trouble)
    return [figure for film, size in FILMS for figure in _compare(bench, film, size)]


def _compare(bench: Workbench, film: Film, size: str) -> Iterator[Figure]:
    sides = {True: _Side(), False: _Side()}
    for number in range(ROUNDS + 1):
        for is_walled in (True, False) if number % 2 else (False, True):
            wall, processor = _attempt(bench, film, is_walled=is_walled)
            if number:
                sides[is_walled].wall.append(wall)
                sides[is_walled].processor.append(processor)
    for what in ("processor", "wall"):
        ours, reference = getattr(sides[True], what), getattr(sides[False], what)
        yield Figure(
            row="h",
            what=f"{size} within walls, {'processor' if what == 'processor' else 'clock'} time",
            unit="s",
            ours=middle(ours),
            reference=middle(reference),
            target=Target(Bound.AT_MOST, MOST),
            details={"ours": ours, "reference": reference},
        )


def _attempt(bench: Workbench, film: Film, *, is_walled: bool) -> tuple[float, float]:
    """Seconds by the clock, and of processors: the child's and those of all that it started."""
    with tempfile.TemporaryDirectory(dir=bench.directory, prefix="walls-") as name:
        request = _request(bench, film, Path(name))
        with contextlib.nullcontext() if is_walled else _without_walls():
            used, begun = _children_seconds(), time.monotonic()
            outcome = supervisor.run(request, _Nobody())
            took = time.monotonic() - begun, _children_seconds() - used
    if outcome.result is None:
        raise NotMeasured(f"the download failed: {outcome.failure}")
    return took


@contextlib.contextmanager
def _without_walls() -> Iterator[None]:
    def nothing(*_: Any) -> None:
        """No wall."""

    with patch.object(confinement, "_enforce", nothing), patch.object(confinement, "_give_up_rights", nothing):
        yield


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _request(bench: Workbench, film: Film, work_dir: Path) -> Request:
    return Request(
        job_id="walls",
        url=bench.url(film),
        options=Options(),
        limits=Limits(
            total_seconds=60.0,
            stall_seconds=60.0,
            max_file_bytes=2 * film.size_bytes,
            free_disk_bytes=1,
            max_memory_bytes=2 * 1024**3,
        ),
        egress=EgressPolicy(allow_private=True),
        tools=bench.tools,
        work_dir=work_dir,
        default_format=FORMAT,
    )
