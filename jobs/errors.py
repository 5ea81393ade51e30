"""What the domain refuses. Messages are sentences for the caller; HTTP codes are not known here."""


class JobError(Exception):
    """Base of the domain's refusals."""


class LinkRefused(JobError):
    """The link is malformed, or a rule of this installation forbids it."""


class JobNotFound(JobError):
    """No such job, or it belongs to somebody else: the caller cannot tell which."""


class StateConflict(JobError):
    """The job's state does not allow what was asked."""


class QueueFull(JobError):
    """QUEUE_LIMIT jobs are waiting."""
