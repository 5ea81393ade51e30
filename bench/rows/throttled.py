"""Row c: twelve downloads from a slow site. They cost little, so together they should take as long as one."""

import time

from bench.client import Client
from bench.figures import Bound, Figure, Target, middle
from bench.media import MEDIUM
from bench.workbench import Workbench

DOWNLOADS = 12
BYTES_PER_SECOND = 1_000_000
ROUNDS = 3
POLL_SECONDS = 0.05


def measure(bench: Workbench) -> list[Figure]:
    """The ideal is size / rate: what one connection needs when nothing else takes any time."""
    with bench.service("c", MAX_CONCURRENT_DOWNLOADS=str(DOWNLOADS)) as service, service.client() as client:
        client.wait(client.submit(bench.url(MEDIUM)))
        ends = [_ends(client, bench) for _ in range(ROUNDS)]
    return [
        Figure(
            row="c",
            what=f"{DOWNLOADS} downloads of 10 MB at 1 MB/s",
            unit="s",
            ours=middle([max(round_) for round_ in ends]),
            reference=MEDIUM.size_bytes / BYTES_PER_SECOND,
            target=Target(Bound.AT_MOST, 1.1),
            details={"ends": ends},
        )
    ]


def _ends(client: Client, bench: Workbench) -> list[float]:
    """When each of the downloads was completed, in seconds since the first was submitted."""
    urls = [bench.url(MEDIUM, bytes_per_second=BYTES_PER_SECOND) for _ in range(DOWNLOADS)]
    begun = time.monotonic()
    jobs = [client.submit(url) for url in urls]
    ends = []
    for job in jobs:
        client.wait(job, every=POLL_SECONDS)
        ends.append(time.monotonic() - begun)
    return ends
