"""Row f: how fast POST and GET answer while all slots are taken. Callers are like pollers: a call, a pause, a call."""

import time
from concurrent.futures import ThreadPoolExecutor

from bench.client import Client
from bench.figures import Bound, Figure, Target, spread
from bench.media import LARGE, SMALL
from bench.rows.slots import BYTES_PER_SECOND, fill_slots
from bench.service import Service
from bench.workbench import Workbench

CALLERS = 20
PERIOD_SECONDS = 0.5
CALLS = 40  # of each caller, POST and GET in turns
Samples = list[tuple[str, float]]


def measure(bench: Workbench) -> list[Figure]:
    """The POSTs' jobs wait in the queue until the service is thrown away."""
    with bench.service("f") as service:
        with service.client() as client:
            fill_slots(client, lambda: bench.url(LARGE, bytes_per_second=BYTES_PER_SECOND))
        samples = _samples(service, bench)
    return [_figure("POST", 50, samples), _figure("GET", 25, samples)]


def _samples(service: Service, bench: Workbench) -> Samples:
    start = time.monotonic() + 1
    links = [[bench.url(SMALL) for _ in range(CALLS)] for _ in range(CALLERS)]

    def one(number: int) -> Samples:
        with service.client() as client:
            return _call_in_turns(client, links[number], start + number * PERIOD_SECONDS / CALLERS)

    with ThreadPoolExecutor(CALLERS) as callers:
        return [sample for samples in callers.map(one, range(CALLERS)) for sample in samples]


def _call_in_turns(client: Client, links: list[str], start: float) -> Samples:
    """One call a period, the connection's first pair left out; a late answer delays the next call, never skips it."""
    samples: Samples = []
    job = client.submit(links[0])
    for number, link in enumerate(links):
        time.sleep(max(start + number * PERIOD_SECONDS - time.monotonic(), 0))
        begun = time.monotonic()
        if number % 2:
            client.job(job)
            samples.append(("GET", time.monotonic() - begun))
        else:
            job = client.submit(link)
            samples.append(("POST", time.monotonic() - begun))
    return samples


def _figure(method: str, limit: float, samples: Samples) -> Figure:
    milliseconds = [seconds * 1000 for name, seconds in samples if name == method]
    found = spread(milliseconds)
    return Figure(
        row="f",
        what=f"{method} p95 of {CALLERS} callers (p50 {found['p50']:.0f}, p99 {found['p99']:.0f})",
        unit="ms",
        ours=found["p95"],
        target=Target(Bound.BELOW, limit),
        details={**found, "calls": len(milliseconds), "period_seconds": PERIOD_SECONDS},
    )
