"""Row e: a large result read through its signed link, against the same size from the origin."""

import time

from bench import NotMeasured
from bench.client import read_all
from bench.figures import Bound, Figure, Target, middle
from bench.media import LARGE
from bench.workbench import Workbench

ROUNDS = 5
MEGABYTE = 1_000_000


def measure(bench: Workbench) -> list[Figure]:
    """In turns, after one run of each that brings the files into memory."""
    with bench.service("e") as service, service.client() as client:
        job = client.wait(client.submit(bench.url(LARGE)), every=0.1)
        link, size = str(job["file_info"]["file_url"]), int(job["file_info"]["size_bytes"])
        samples = [
            (_bytes_per_second(link, size), _bytes_per_second(bench.url(LARGE), LARGE.size_bytes))
            for _ in range(ROUNDS + 1)
        ][1:]
    ours, reference = [one for one, _ in samples], [other for _, other in samples]
    return [
        Figure(
            row="e",
            what=f"1 GiB through /files/, against {bench.origin.program}",
            unit="MB/s",
            ours=middle(ours) / MEGABYTE,
            reference=middle(reference) / MEGABYTE,
            target=Target(Bound.AT_LEAST, 0.7),
            details={"ours": ours, "reference": reference},
        )
    ]


def _bytes_per_second(url: str, size: int) -> float:
    begun = time.monotonic()
    received = read_all(url)
    taken = time.monotonic() - begun
    if received < size:
        raise NotMeasured(f"{received} bytes came of {size}")
    return received / taken
