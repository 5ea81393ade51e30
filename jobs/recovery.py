"""Puts right what dead workers left: jobs without a living lease, work directories without a job.

Safe to run twice at once.
"""

import structlog
from django.conf import settings
from django.db import transaction

from jobs import lifecycle, queries, queue, storage
from jobs.engine import failures
from jobs.engine.contract import FailureCode
from jobs.models import Job
from jobs.states import LIVE, State, Wish

log = structlog.get_logger(__name__)


def recover_orphans() -> int:
    """Give every running job whose lease has run out its next state. Returns how many there were."""
    recovered = sum(_recover(job) for job in queries.orphaned())
    if recovered:
        log.warning("jobs without a living worker recovered", jobs=recovered)
    return recovered


def sweep_work_directories() -> int:
    """Delete this host's work directories whose job is over or unknown. Returns how many."""
    if not settings.WORK_DIR.is_dir():
        return 0
    names = {path.name for path in settings.WORK_DIR.iterdir() if path.is_dir()}
    live = set(Job.objects.filter(public_id__in=names, state__in=LIVE).values_list("public_id", flat=True))
    for name in names - live:
        storage.discard_work_directory(name)
    return len(names - live)


def _recover(job: Job) -> bool:
    if job.wish == Wish.CANCEL:
        return lifecycle.move(job, State.CANCELLED, reason="cancelled; its worker had died")
    if job.wish == Wish.PAUSE:
        return lifecycle.move(job, State.PAUSED, reason="paused; its worker had died")
    if job.attempts >= settings.MAX_ATTEMPTS:
        failure = failures.failure(FailureCode.INTERNAL)
        return lifecycle.move(
            job, State.FAILED, reason="its worker died each time", error_code=failure.code, error=failure.message
        )
    with transaction.atomic():
        transaction.on_commit(queue.wake)
        return lifecycle.move(job, State.QUEUED, reason="its worker died")
