"""Row d: one large file. Ours also hashes and verifies what it fetched; the command does not."""

import os
import time

from bench.client import Client
from bench.figures import Bound, Figure, Target, middle
from bench.media import LARGE
from bench.service import Service
from bench.workbench import Workbench

ROUNDS = 3
POLL_SECONDS = 0.05  # often enough for seconds, and the polling itself takes little of the machine


def measure(bench: Workbench) -> list[Figure]:
    """Both sides in turns, after a round that does not count: fresh memory is slow where a host has to hand it out."""
    ours: list[float] = []
    commands: list[float] = []
    with bench.service("d") as service, service.client() as client:
        for _ in range(ROUNDS + 1):
            os.sync()  # neither side pays for writing out what the other one left
            ours.append(_seconds(client, bench.url(LARGE)))
            _delete_results(service)
            os.sync()
            commands.append(bench.command_seconds(bench.url(LARGE)))
    return [
        Figure(
            row="d",
            what="POST to completed, 1 GiB",
            unit="s",
            ours=middle(ours[1:]),
            reference=middle(commands[1:]),
            target=Target(Bound.AT_MOST, 1.0),
            details={"ours": ours, "reference": commands},
        )
    ]


def _seconds(client: Client, url: str) -> float:
    begun = time.monotonic()
    client.wait(client.submit(url), every=POLL_SECONDS)
    return time.monotonic() - begun


def _delete_results(service: Service) -> None:
    for file in (service.storage / "files").rglob("*.mp4"):
        file.unlink()
