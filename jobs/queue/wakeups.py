"""Wake-ups: tasks without arguments. A doubled, late or lost one does no harm: workers look for work themselves."""

import structlog
from django.conf import settings
from django_q.tasks import async_task

log = structlog.get_logger(__name__)

WORK = "jobs.tasks.work"
PATIENCE_SECONDS = 2.0


class BrokerUnreachable(Exception):
    """Redis does not answer."""


def wake() -> None:
    """Let a worker look for a job. Call it after the job's row is committed."""
    run_soon(WORK)


def wake_for(jobs: int) -> None:
    """`wake` as many workers as may find one of so many new jobs; each that finds more wakes another."""
    for _ in range(min(jobs, settings.MAX_CONCURRENT_DOWNLOADS)):
        wake()


def run_soon(task: str) -> None:
    """Let a worker call the function with this dotted name.

    Never fails: a lost wake-up only means that the work waits for the next chore, while an error here would make a
    caller believe that what it committed was refused.
    """
    try:
        async_task(task)
    except Exception:
        log.exception("wake-up lost", task=task)


def check_broker() -> None:
    """Ask whether wake-ups can be sent. Raises BrokerUnreachable, or DatabaseError where the database carries them."""
    if not settings.REDIS_URL:
        waiting()
        return
    import redis  # noqa: PLC0415  (8 MB that a service without Redis does not need)

    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        ) as client:
            client.ping()
    except redis.RedisError as error:
        raise BrokerUnreachable(type(error).__name__) from error


def waiting() -> int:
    """Wake-ups that no worker has taken yet."""
    from django_q.brokers import get_broker  # noqa: PLC0415  (opens the broker's connection)

    return int(get_broker().queue_size())
