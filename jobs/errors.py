"""What the domain refuses. Messages are sentences for the caller; HTTP codes are not known here."""


class JobError(Exception):
    """Base of the domain's refusals."""


class ValueRefused(JobError):
    """A value of the request is of no use here. `field` is its name on the wire."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ValuesRefused(JobError):
    """Several values of the request are of no use here."""

    def __init__(self, refusals: list[ValueRefused]) -> None:
        super().__init__(f"{len(refusals)} values refused")
        self.refusals = refusals


class LinkRefused(ValueRefused):
    """The link is malformed, or a rule of this installation forbids it."""

    def __init__(self, message: str, *, field: str = "url") -> None:
        super().__init__(field, message)


class JobNotFound(JobError):
    """No such job, or it belongs to somebody else: the caller cannot tell which."""


class NotFound(JobError):
    """No such thing, other than a job, or it belongs to somebody else."""


class StateConflict(JobError):
    """The job's state does not allow what was asked."""


class QueueFull(JobError):
    """QUEUE_LIMIT jobs are waiting."""


class QuotaExceeded(JobError):
    """The caller's allowance does not cover this. `free_in_seconds` tells when it may; None if that is not known."""

    def __init__(self, message: str, free_in_seconds: int | None = None) -> None:
        super().__init__(message)
        self.free_in_seconds = free_in_seconds


class StorageQuotaExceeded(QuotaExceeded):
    """The caller's results take all the room that it may have."""


class ExtractionFailed(JobError):
    """A page could not be read. `code` is that of the engine's failure; the message is for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ItemsMissing(JobError):
    """A list was read, and has none of the entries that were asked for by number."""


class ExtractionTimeout(JobError):
    """A page was not read within the time that its caller waits."""
