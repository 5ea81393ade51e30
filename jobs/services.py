"""The verbs that callers have: submit, cancel, pause, resume, retry, extend, delete. Views and admin call these."""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, CookieJar, User
from jobs import asking, file_links, lifecycle, links, queries, queue, quotas, retention, room, scheduling
from jobs.engine.contract import Options
from jobs.errors import QueueFull, StateConflict, ValueRefused
from jobs.models import DEFAULT_PRIORITY, Job
from jobs.states import LIVE, State, Wish

STOP_DEADLINE_SECONDS = 2.0
STOP_POLL_SECONDS = 0.05
RACES = 5
NEARLY_FULL = 1000  # jobs; more than are stored between a look at the queue and the next one
LOWEST_PRIORITY, HIGHEST_PRIORITY = 0, 9
AS_NEW: dict[str, Any] = {"attempts": 0, "not_before": None, "error": "", "error_code": ""}


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One link with its options, validated in shape but not yet against the installation's rules."""

    url: str
    options: Options
    priority: int = DEFAULT_PRIORITY
    cookies_id: str = ""  # of a jar that the owner has
    webhook_url: str = ""


def submit(owner: User, submission: Submission, *, api_key: ApiKey | None = None) -> Job:
    """Queue a download.

    Raises ValueRefused (LinkRefused for the link itself), QueueFull or QuotaExceeded; nothing is stored then.
    """
    job = prepared(owner, submission, api_key=api_key)
    with transaction.atomic():
        refuse_when_full(jobs=1)
        quotas.admit(owner, api_key, jobs=1)
        lifecycle.create(job)
        transaction.on_commit(queue.wake)
    return job


def prepared(owner: User, submission: Submission, *, api_key: ApiKey | None) -> Job:
    """The job of a submission, not stored yet. Raises ValueRefused."""
    return Job(
        owner=owner,
        api_key=api_key,
        url=submission.url,
        host=links.accepted_host(submission.url),
        options=submission.options.to_json(),
        priority=submission.priority,
        cookie_jar=jar_of(owner, submission.cookies_id),
        webhook_url=submission.webhook_url,
        link_origin=file_links.caller_origin(),
        correlation_id=correlation_id(),
    )


def refuse_when_full(*, jobs: int) -> None:
    """Raise QueueFull unless that many more jobs may wait, StorageQuotaExceeded if there is no room for results.

    Exact when called in the transaction that stores them, before that locks anything: where the queue is nearly full,
    such calls go on one after the other.
    """
    if queries.queue_length() + jobs > settings.QUEUE_LIMIT - NEARLY_FULL:
        scheduling.serialise_submissions()
    if queries.queue_length() + jobs > settings.QUEUE_LIMIT:
        raise QueueFull(f"At most {settings.QUEUE_LIMIT} jobs may wait, and too many do already. Try again later.")
    room.refuse_when_full()


def jar_of(owner: User, cookies_id: str) -> CookieJar | None:
    """The owner's cookie jar; None without an id. Raises ValueRefused for ids that the owner does not have."""
    jar = CookieJar.objects.filter(owner=owner, public_id=cookies_id).first() if cookies_id else None
    if cookies_id and jar is None:
        raise ValueRefused("cookies_id", "You have no cookie jar with this id.")
    return jar


def correlation_id() -> str:
    """The id of the call that is being served, to find its traces by."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def cancel(job: Job, *, wait: bool = True) -> Job:
    """End a job for good. Raises StateConflict when it is over already.

    A running job's worker is asked; with `wait`, its answer is awaited for two seconds at most, so that the job
    normally comes back as cancelled, its processes gone.
    """
    return _stop(job, Wish.CANCEL, allowed=LIVE, wait=wait)


def pause(job: Job, *, wait: bool = True) -> Job:
    """Hold a job; partial files stay for the resume. Raises StateConflict unless it is queued or running.

    `wait` is that of `cancel`; a download may take `Limits.grace_seconds` to stop in a way that it can resume from.
    """
    return _stop(job, Wish.PAUSE, allowed={State.QUEUED, State.RUNNING}, wait=wait)


def resume(job: Job) -> Job:
    """Queue a paused job again. Raises StateConflict unless it is paused."""
    _refuse_unless(job, {State.PAUSED}, "resumed")
    return _requeue(job, asking.reason("resumed"), **AS_NEW)


def retry(job: Job) -> Job:
    """Queue a failed, cancelled or expired job again, its attempts counted anew. Raises StateConflict otherwise.

    Raises QuotaExceeded when there is no room for another result; the job itself counts for the day it came in.
    """
    _refuse_unless(job, {State.FAILED, State.CANCELLED, State.EXPIRED}, "retried")
    with transaction.atomic():
        quotas.admit(job.owner, job.api_key, jobs=0)
        return _requeue(job, asking.reason("retried"), **AS_NEW, started_at=None, is_kept_longer=False)


def delete_files(job: Job) -> Job:
    """Delete a completed job's files before their time. Raises StateConflict unless it is completed."""
    _refuse_unless(job, {State.COMPLETED}, "emptied")
    retention.expire(job, reason=asking.reason("deleted"))
    return job


def delete_soon(job: Job) -> Job:
    """Take a completed job's files away at once, and delete them when `queries.UNDO_TIME` is over: see `restore`.

    Raises StateConflict unless it is completed.
    """
    _refuse_unless(job, {State.COMPLETED}, "emptied")
    kept = Job.objects.filter(pk=job.pk, state=State.COMPLETED, deletion_asked_at__isnull=True)
    kept.update(deletion_asked_at=timezone.now())
    job.refresh_from_db()
    return job


def restore(job: Job) -> Job:
    """Take `delete_soon` back. Raises StateConflict when the files are gone."""
    if not Job.objects.filter(pk=job.pk, state=State.COMPLETED).update(deletion_asked_at=None):
        raise _conflict(job, "restored: its files are deleted")
    job.refresh_from_db()
    return job


def extend(job: Job) -> Job:
    """Keep a completed job's files FILE_RETENTION_HOURS longer, MAX_RETENTION_HOURS after its end at most.

    Raises StateConflict unless it is completed, and when its files cannot be kept any longer.
    """
    _refuse_unless(job, {State.COMPLETED}, "kept longer")
    if job.deletion_asked_at is not None:
        raise StateConflict(f"The files of job {job.public_id} are being deleted.")
    if job.expires_at is None:
        raise StateConflict(f"The files of job {job.public_id} are kept until you delete them.")
    until = retention.extended(job)
    if until is not None and until <= job.expires_at:
        raise StateConflict(
            f"Files are kept for {settings.MAX_RETENTION_HOURS:g} hours at most, so those of job {job.public_id} "
            f"stay until {job.expires_at:%Y-%m-%d %H:%M} UTC."
        )
    unchanged = Job.objects.filter(
        pk=job.pk, state=State.COMPLETED, expires_at=job.expires_at, deletion_asked_at__isnull=True
    )
    is_ours = unchanged.update(expires_at=until, is_kept_longer=True)
    job.refresh_from_db()
    if not is_ours:
        raise _conflict(job, "kept longer: somebody was faster")
    return job


def reprioritise(job: Job, priority: int) -> Job:
    """Have a job come sooner or later among its owner's: 0 to 9, 9 first. Raises StateConflict unless it waits."""
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise ValueRefused("priority", f"A priority lies between {LOWEST_PRIORITY} and {HIGHEST_PRIORITY}.")
    waiting = Job.objects.filter(pk=job.pk, state__in=(State.QUEUED, State.PAUSED))
    changed = waiting.update(priority=priority)
    job.refresh_from_db(fields=["state", "priority"])
    if not changed:
        raise _conflict(job, "moved in the queue")
    return job


def _requeue(job: Job, reason: str, **changes: Any) -> Job:
    with transaction.atomic():
        if not lifecycle.move(job, State.QUEUED, reason=reason, queued_at=timezone.now(), **changes):
            raise _conflict(job, "queued again: somebody was faster")
        transaction.on_commit(queue.wake)
    return job


def _stop(job: Job, wish: Wish, *, allowed: AbstractSet[State], wait: bool) -> Job:
    """Move a waiting job, or ask the worker of a running one; again when the job changed in between."""
    target = lifecycle.FULFILLED[wish]
    for _ in range(RACES):
        _refuse_unless(job, allowed, target.value)
        if job.state != State.RUNNING:
            move = retention.end if target is State.CANCELLED else lifecycle.move
            if move(job, target, reason=asking.reason(target)):
                return job
        elif lifecycle.ask(job, wish):
            return _stopped(job, target, wait=wait)
        else:
            job.refresh_from_db()
    raise _conflict(job, f"{target} now: it is changing")


def _stopped(job: Job, target: State, *, wait: bool) -> Job:
    job.refresh_from_db()
    deadline = time.monotonic() + (STOP_DEADLINE_SECONDS if wait else 0)
    while job.state == State.RUNNING and time.monotonic() < deadline:
        time.sleep(STOP_POLL_SECONDS)
        job.refresh_from_db()
    _refuse_unless(job, {target, State.RUNNING}, target.value)
    return job


def _refuse_unless(job: Job, states: AbstractSet[State], verb: str) -> None:
    if job.state not in states:
        raise _conflict(job, verb)


def _conflict(job: Job, verb: str) -> StateConflict:
    return StateConflict(f"Job {job.public_id} is {job.state} and cannot be {verb}.")
