"""Row b: many small files at once, as finished downloads a second."""

import time
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Bound, Figure, Target
from bench.media import SMALL
from bench.service import Service
from bench.workbench import Workbench

JOBS = 60
CALLERS = 12
COMMANDS = 36  # a rate needs no more, and each takes a second of processor time
COMMANDS_AT_ONCE = 12
POLL_SECONDS = 0.05


def measure(bench: Workbench) -> list[Figure]:
    """All jobs are submitted before the first is waited for."""
    with bench.service("b") as service:
        with service.client() as client:
            client.wait(client.submit(bench.url(SMALL)))
        ours = _jobs_seconds(service, [bench.url(SMALL) for _ in range(JOBS)])
    commands = _commands_seconds(bench)
    return [
        Figure(
            row="b",
            what=f"{JOBS} jobs at once, 100 kB each",
            unit="/s",
            ours=JOBS / ours,
            reference=COMMANDS / commands,
            target=Target(Bound.AT_LEAST, 4.5),
            details={"ours_seconds": ours, "reference_seconds": commands},
        )
    ]


def _jobs_seconds(service: Service, urls: list[str]) -> float:
    def submit(url: str) -> str:
        with service.client() as client:
            return client.submit(url)

    begun = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as callers:
        jobs = list(callers.map(submit, urls))
    with service.client() as client:
        for job in jobs:
            client.wait(job, every=POLL_SECONDS, seconds=120)
    return time.monotonic() - begun


def _commands_seconds(bench: Workbench) -> float:
    urls = [bench.url(SMALL) for _ in range(COMMANDS)]
    begun = time.monotonic()
    with ThreadPoolExecutor(COMMANDS_AT_ONCE) as shells:
        list(shells.map(bench.command_seconds, urls))
    return time.monotonic() - begun
