"""What a row yields: figures with their reference and target. Pure; measures nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any


class Bound(StrEnum):
    """On which side of its limit a figure should be."""

    AT_MOST = "<="
    AT_LEAST = ">="
    BELOW = "<"


@dataclass(frozen=True)
class Target:
    """What a ratio should be, or the figure itself where there is no reference."""

    bound: Bound
    limit: float

    def is_met_by(self, value: float) -> bool:
        if self.bound is Bound.AT_MOST:
            return value <= self.limit
        if self.bound is Bound.AT_LEAST:
            return value >= self.limit
        return value < self.limit

    def __str__(self) -> str:
        return f"{self.bound} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number of ours, in `unit`, and what it is compared with."""

    row: str
    what: str
    unit: str
    ours: float
    target: Target
    reference: float | None = None
    details: dict[str, Any] = field(default_factory=dict)  # JSON types: samples, other percentiles

    @property
    def ratio(self) -> float | None:
        return None if self.reference is None else self.ours / self.reference

    @property
    def is_met(self) -> bool:
        return self.target.is_met_by(self.ours if self.ratio is None else self.ratio)


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` (0 to 1) of all samples do not exceed. Raises ValueError for none."""
    if not samples:
        raise ValueError("no samples")
    ranked = sorted(samples)
    position = -(-share * len(ranked) // 1)  # rounded up
    return ranked[max(int(position), 1) - 1]


def spread(samples: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest sample."""
    return {
        "p50": percentile(samples, 0.50),
        "p95": percentile(samples, 0.95),
        "p99": percentile(samples, 0.99),
        "max": max(samples),
    }


def middle(samples: Sequence[float]) -> float:
    """The median."""
    return float(median(samples))
