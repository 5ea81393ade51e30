"""Row a: one small file, from the POST to the answer that says completed."""

import time

from bench.client import Client
from bench.figures import Bound, Figure, Target, middle
from bench.media import SMALL
from bench.workbench import Workbench

OURS = 15
COMMANDS = 7
POLL_SECONDS = 0.01


def measure(bench: Workbench) -> list[Figure]:
    """Both sides in turns, after one run of each that does not count."""
    ours: list[float] = []
    commands: list[float] = []
    with bench.service("a") as service, service.client() as client:
        _seconds(client, bench.url(SMALL))
        bench.command_seconds(bench.url(SMALL))
        for number in range(OURS):
            ours.append(_seconds(client, bench.url(SMALL)))
            if number * COMMANDS // OURS > (number - 1) * COMMANDS // OURS:
                commands.append(bench.command_seconds(bench.url(SMALL)))
    return [
        Figure(
            row="a",
            what="POST to completed, 100 kB",
            unit="s",
            ours=middle(ours),
            reference=middle(commands),
            target=Target(Bound.AT_MOST, 0.35),
            details={"ours": ours, "reference": commands},
        )
    ]


def _seconds(client: Client, url: str) -> float:
    begun = time.monotonic()
    client.wait(client.submit(url), every=POLL_SECONDS)
    return time.monotonic() - begun
