"""The states of a job and the moves between them. Pure: no Django, no database."""

from enum import StrEnum


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Wish(StrEnum):
    """What a caller wants of a running job; its worker fulfils it."""

    NONE = ""
    CANCEL = "cancel"
    PAUSE = "pause"


ALLOWED: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.PAUSED, State.CANCELLED, State.FAILED}),
    State.RUNNING: frozenset({State.COMPLETED, State.FAILED, State.CANCELLED, State.PAUSED, State.QUEUED}),
    State.PAUSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.COMPLETED: frozenset({State.EXPIRED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
    State.EXPIRED: frozenset({State.QUEUED}),
}
TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED})
LIVE = frozenset(State) - TERMINAL


def is_allowed(source: State, target: State) -> bool:
    """Whether a job may move from `source` to `target`."""
    return target in ALLOWED[source]
