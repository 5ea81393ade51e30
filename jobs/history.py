"""What a job's events tell of its runs. Pure: reads what it is given."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from jobs.models import JobEvent
from jobs.states import State


@dataclass(frozen=True)
class Run:
    """One run of a job, from its claim to what ended it; `ended_at` and `target` are None while it goes on."""

    number: int
    began_at: datetime
    ended_at: datetime | None = None
    target: str | None = None
    reason: str = ""


def runs_of(events: Iterable[JobEvent]) -> list[Run]:
    """The runs that a job's events, oldest first, tell of. Numbers go on over retries."""
    runs: list[Run] = []
    for event in events:
        if event.target == State.RUNNING:
            runs.append(Run(len(runs) + 1, event.at))
        elif event.source == State.RUNNING and runs:
            runs[-1] = replace(runs[-1], ended_at=event.at, target=event.target, reason=event.reason)
    return runs
