"""Fills every slot of the service with a download that goes on until the service is stopped."""

import time
from collections.abc import Callable

from bench import NotMeasured
from bench.client import Client

SLOTS = 10  # the service's default
BYTES_PER_SECOND = 1_000_000
SETTLE_SECONDS = 3.0
START_SECONDS = 30


def fill_slots(client: Client, new_url: Callable[[], str]) -> None:
    """Returns when every download has had time to take what memory it takes."""
    jobs = [client.submit(new_url()) for _ in range(SLOTS)]
    deadline = time.monotonic() + START_SECONDS
    while not all(_is_under_way(client.job(job)) for job in jobs):
        if time.monotonic() > deadline:
            raise NotMeasured(f"not all {SLOTS} downloads run after {START_SECONDS} s")
        time.sleep(0.2)
    time.sleep(SETTLE_SECONDS)


def _is_under_way(job: dict[str, object]) -> bool:
    progress = job["progress"]
    return job["status"] == "running" and isinstance(progress, dict) and bool(progress["downloaded_bytes"])
