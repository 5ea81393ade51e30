"""Wake-ups: tasks without arguments. A doubled, late or lost one does no harm: workers look for work themselves."""

import structlog
from django_q.tasks import async_task

log = structlog.get_logger(__name__)

WORK = "jobs.tasks.work"


def wake() -> None:
    """Let a worker look for a job. Call it after the job's row is committed."""
    run_soon(WORK)


def run_soon(task: str) -> None:
    """Let a worker call the function with this dotted name.

    Never fails: a lost wake-up only means that the work waits for the next chore, while an error here would make a
    caller believe that what it committed was refused.
    """
    try:
        async_task(task)
    except Exception:
        log.exception("wake-up lost", task=task)


def waiting() -> int:
    """Wake-ups that no worker has taken yet."""
    from django_q.brokers import get_broker  # noqa: PLC0415  (opens the broker's connection)

    return int(get_broker().queue_size())
