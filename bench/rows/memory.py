"""Row g: memory of all processes of the service, at rest and for each running download."""

import time

from bench import memory
from bench.figures import Bound, Figure, Target
from bench.media import LARGE
from bench.rows.slots import BYTES_PER_SECOND, SLOTS, fill_slots
from bench.service import Service
from bench.workbench import Workbench

REST_SECONDS = 25.0  # chores come by turns: after this long, every worker process has run one
WARM_UP_CALLS = 40
MEGABYTE = 1_000_000


def measure(bench: Workbench) -> list[Figure]:
    """At rest means: every process has done some of its work, no download has run yet."""
    with bench.service("g") as service:
        _let_every_web_process_answer(service)
        time.sleep(REST_SECONDS)
        at_rest = memory.measure(service.process.pid)
        with service.client() as client:
            fill_slots(client, lambda: bench.url(LARGE, bytes_per_second=BYTES_PER_SECOND))
        busy = memory.measure(service.process.pid)
    idle, full = sum(at_rest.values()), sum(busy.values())
    return [
        Figure(
            row="g",
            what=f"memory (PSS) at rest, {len(at_rest)} processes",
            unit="MB",
            ours=idle / MEGABYTE,
            target=Target(Bound.BELOW, 300),
            details={"bytes": sorted(at_rest.values(), reverse=True)},
        ),
        Figure(
            row="g",
            what="memory (PSS) for each running download",
            unit="MB",
            ours=(full - idle) / SLOTS / MEGABYTE,
            target=Target(Bound.AT_MOST, 30),
            details={"bytes": sorted(busy.values(), reverse=True)},
        ),
    ]


def _let_every_web_process_answer(service: Service) -> None:
    """Which process takes a connection is chance; with this many none is left out."""
    for _ in range(WARM_UP_CALLS):
        with service.client() as client:
            client.call("GET", "/download")
