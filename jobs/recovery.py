"""Gives jobs whose worker died their next state. Safe to run twice at once."""

import structlog
from django.conf import settings

from jobs import queries, queue, retention
from jobs.engine import failures
from jobs.engine.contract import FailureCode
from jobs.models import Job
from jobs.states import State

log = structlog.get_logger(__name__)


def recover_orphans() -> int:
    """Give every running job whose lease has run out its next state. Returns how many there were."""
    recovered = sum(_recover(job) for job in queries.orphaned())
    if recovered:
        log.warning("jobs without a living worker recovered", jobs=recovered)
    return recovered


def _recover(job: Job) -> bool:
    """Only while it is still the lease that was found expired: it may have been renewed since, or be another one."""
    expired = {"lease_owner": job.lease_owner, "lease_expires_at": job.lease_expires_at}
    if job.attempts >= settings.MAX_ATTEMPTS and not job.wish:
        failure = failures.failure(FailureCode.INTERNAL)
        told = {"error_code": failure.code, "error": failure.message}
        return retention.end(job, State.FAILED, reason="its worker died each time", only_if=expired, **told)
    if not retention.give_back(job, only_if=expired, reason="its worker died"):
        return False
    queue.wake()
    return True
