"""The verbs that callers have: submit, cancel, pause, resume, retry, delete. Views, admin and commands call these."""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from jobs import lifecycle, queries, queue, retention
from jobs.engine.contract import Options
from jobs.engine.domains import YOUTUBE, is_within, normal_host
from jobs.errors import LinkRefused, QueueFull, StateConflict
from jobs.models import DEFAULT_PRIORITY, Job
from jobs.states import LIVE, State, Wish

STOP_DEADLINE_SECONDS = 2.0
STOP_POLL_SECONDS = 0.05
RACES = 5
AS_NEW: dict[str, Any] = {"attempts": 0, "not_before": None, "error": "", "error_code": ""}


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One link with its options, validated in shape but not yet against the installation's rules."""

    url: str
    options: Options
    priority: int = DEFAULT_PRIORITY


def submit(owner: User, submission: Submission, *, api_key: ApiKey | None = None) -> Job:
    """Queue a download. Raises LinkRefused or QueueFull; nothing is stored then."""
    host = accepted_host(submission.url)
    if queries.queue_length() >= settings.QUEUE_LIMIT:
        raise QueueFull(f"{settings.QUEUE_LIMIT} jobs are waiting already. Try again later.")
    with transaction.atomic():
        job = lifecycle.create(
            Job(
                owner=owner,
                api_key=api_key,
                url=submission.url,
                host=host,
                options=submission.options.to_json(),
                priority=submission.priority,
                correlation_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
            )
        )
        transaction.on_commit(queue.wake)
    return job


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
    return _requeue(job, "resumed by the caller", **AS_NEW)


def retry(job: Job) -> Job:
    """Queue a failed, cancelled or expired job again, its attempts counted anew. Raises StateConflict otherwise."""
    _refuse_unless(job, {State.FAILED, State.CANCELLED, State.EXPIRED}, "retried")
    return _requeue(job, "retried by the caller", **AS_NEW, started_at=None)


def delete_files(job: Job) -> Job:
    """Delete a completed job's files before their time. Raises StateConflict unless it is completed."""
    _refuse_unless(job, {State.COMPLETED}, "emptied")
    retention.expire(job, reason="deleted by the caller")
    return job


def accepted_host(url: str) -> str:
    """The link's host name, lower case. Raises LinkRefused when the link or its host is not allowed here.

    Addresses are not judged here: what a name resolves to is decided when the engine connects.
    """
    try:
        parts = urlsplit(url)
        host = normal_host(parts.hostname or "")
        _ = parts.port  # raises ValueError for a port that is no number
    except ValueError as error:
        raise LinkRefused("This is not a valid link: check its host name and port.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise LinkRefused("A link starts with http:// or https:// and names a host.")
    if parts.username or parts.password:
        raise LinkRefused("A link must not carry a user name or password: it would be stored and shown.")
    if "__youtubedl_smuggle" in url:
        raise LinkRefused("This link carries options for the downloader, which is not allowed.")
    if settings.ALLOWED_DOMAINS and not is_within(host, settings.ALLOWED_DOMAINS):
        raise LinkRefused(
            f"Downloads from {host} are not allowed here. Allowed: {', '.join(settings.ALLOWED_DOMAINS)}."
        )
    if not settings.ALLOW_YT_DOWNLOADS and is_within(host, YOUTUBE):
        raise LinkRefused(
            "Downloads from YouTube are turned off here. The operator can allow them with ALLOW_YT_DOWNLOADS=true."
        )
    return host


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
            if move(job, target, reason=f"{target} by the caller"):
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
