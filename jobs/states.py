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


class BatchKind(StrEnum):
    """Where a batch's jobs come from."""

    LINKS = "links"
    PLAYLIST = "playlist"
    CHANNEL = "channel"
    METADATA = "metadata"  # no downloads: only what the pages tell


class ExtractionKind(StrEnum):
    """What a page is read for."""

    VIDEO = "video"  # everything that one page tells
    ENTRIES = "entries"  # what a playlist, channel or feed lists


class ExtractionState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"  # its batch was, before anybody read the page


class Event(StrEnum):
    """What receivers are told of."""

    STARTED = "download.started"
    PROGRESS = "download.progress"
    COMPLETED = "download.completed"
    FAILED = "download.failed"
    CANCELLED = "download.cancelled"
    BATCH_COMPLETED = "batch.completed"


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Tallied(StrEnum):
    """What is counted for good. The label tells more of it."""

    SUBMITTED = "submitted"  # a download was asked for, or asked for again after its end
    STARTED = "started"  # an attempt began; `seconds` is the wait before it, the label the bucket that holds it
    COMPLETED = "completed"  # `seconds` from the first start to the end, and the size of all results
    FAILED = "failed"  # the label is the failure's code
    CANCELLED = "cancelled"
    RETRIED = "retried"  # an attempt ended and another one will follow; the label is the failure's code
    WEBHOOK = "webhook"  # an attempt at a message; the label is what came of it, `seconds` how long the answer took
