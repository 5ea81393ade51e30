"""Charts as shapes that a template writes into SVG: numbers in, coordinates out. Colours are the style sheet's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.models import QueueSample
from jobs.overview import Hour

WIDTH, HEIGHT = 480.0, 140.0
GAP = 3.0
NICE = (1, 2, 5)


@dataclass(frozen=True)
class Bar:
    """A part of a column; `kind` is its class in the style sheet."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    told: str


@dataclass(frozen=True)
class Line:
    """A curve in pieces: where nobody looked, it is broken."""

    pieces: Sequence[str]
    top: float


def columns(hours: Sequence[Hour]) -> tuple[list[Bar], int]:
    """Stacked columns, failures on top, and the number at the upper edge."""
    top = nice(max((hour.succeeded + hour.failed for hour in hours), default=0))
    step = WIDTH / max(len(hours), 1)
    bars = []
    for number, hour in enumerate(hours):
        base = HEIGHT
        for kind, jobs in (("succeeded", hour.succeeded), ("failed", hour.failed)):
            height = HEIGHT * jobs / top
            base -= height
            if jobs:
                told = f"{hour.begins_at:%H:%M}: {jobs} {kind}"
                bars.append(Bar(_round(number * step), _round(base), _round(step - GAP), _round(height), kind, told))
    return bars, top


def waiting(samples: Sequence[QueueSample], now: datetime, *, now_seconds: float, gap: timedelta) -> Line:
    """How long the oldest job waited over the 24 hours before `now`, up to this moment."""
    begin = now - timedelta(hours=24)
    points = [(sample.at, sample.oldest_queued_seconds) for sample in samples] + [(now, now_seconds)]
    top = float(nice(max(seconds for _, seconds in points)))
    pieces: list[list[str]] = []
    last: datetime | None = None
    for at, seconds in points:
        if last is None or at - last > gap:
            pieces.append([])
        x = WIDTH * (at - begin) / timedelta(hours=24)
        pieces[-1].append(f"{_round(x)},{_round(HEIGHT - HEIGHT * seconds / top)}")
        last = at
    return Line([" ".join(piece if len(piece) > 1 else piece * 2) for piece in pieces], top)


def nice(number: float) -> int:
    """The next number upwards that people read easily: 1, 2 or 5 with noughts; at least 1."""
    power = 1
    while True:
        for factor in NICE:
            if factor * power >= number:
                return factor * power
        power *= 10


def _round(number: float) -> float:
    return round(number, 1)
