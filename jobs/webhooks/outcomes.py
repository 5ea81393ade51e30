"""What a receiver's answer means for a message: taken, to be tried again, or given up. Pure: sends nothing."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST_DELAY_SECONDS = 3600.0
TRY_LATER = frozenset({408, 425, 429})  # of the 4xx, those that a later attempt may change
GONE = 410


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one attempt came to. Without a `status` there was no answer, and `error` says why."""

    status: int | None = None
    latency_ms: int | None = None
    excerpt: str = ""
    error: str = ""
    retry_after_seconds: float | None = None
    is_hopeless: bool = False  # no later attempt will fare better


class Verdict(StrEnum):
    """What becomes of the message."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FINAL = "final"
    GONE = "gone"  # final, and the receiver wants no more messages at all


def verdict(answer: Answer) -> Verdict:
    """As the wire contract says: 2xx is taken, 410 and most other 4xx are final, the rest is tried again.

    A redirect belongs to the rest: it is never followed.
    """
    status = answer.status
    if status is None:
        return Verdict.FINAL if answer.is_hopeless else Verdict.RETRY
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status == GONE:
        return Verdict.GONE
    if 400 <= status < 500 and status not in TRY_LATER:
        return Verdict.FINAL
    return Verdict.RETRY


def delay_seconds(attempts: int, *, base: float, jitter: float, retry_after: float | None) -> float:
    """How long to wait after that many attempts: doubling from `base`, give or take a quarter by `jitter` (0 to 1).

    Longer when the receiver asks for it with Retry-After, but never longer than an hour.
    """
    doubled = base * 2.0 ** min(attempts - 1, 32)
    return min(max(doubled * (0.75 + jitter / 2), retry_after or 0.0), LONGEST_DELAY_SECONDS)
