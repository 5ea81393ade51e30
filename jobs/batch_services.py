"""The verbs that callers have for many downloads at once: submit, cancel, retry. Those for a single one are `services`;
batches whose jobs come from a list on the web begin in `playlists`.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from jobs import asking, batches, extraction, file_links, lifecycle, queue, quotas, services, storage
from jobs.engine.contract import Options
from jobs.errors import LinkRefused, StateConflict, ValuesRefused
from jobs.models import DEFAULT_PRIORITY, Batch, Extraction, Job
from jobs.services import Submission
from jobs.states import TERMINAL, BatchKind, ExtractionKind, State, Wish

LISTS = (BatchKind.PLAYLIST, BatchKind.CHANNEL)
RETRIED_AT_ONCE = 100  # in one transaction
PATH_TEMPLATE = "batch/{batch_id}/{safe_title}-{id}.{ext}"  # where results of links go when a request does not say


@dataclass(frozen=True)
class Link:
    """A link, and where the request has it: the name of a field, such as `urls.3`, and of the line in a file."""

    url: str
    field: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class BatchSubmission:
    """Links with the options that all of them get, validated in shape but not yet against the installation's rules."""

    links: tuple[Link, ...]
    options: Options
    concurrent_limit: int | None = None
    stop_on_error: bool = False
    priority: int = DEFAULT_PRIORITY
    cookies_id: str = ""
    webhook_url: str = ""

    def of(self, link: Link) -> Submission:
        """What a download of this link alone would be."""
        return Submission(
            url=link.url,
            options=self.options,
            priority=self.priority,
            cookies_id=self.cookies_id,
            webhook_url=self.webhook_url,
        )


def submit_batch(owner: User, submission: BatchSubmission, *, api_key: ApiKey | None = None) -> Batch:
    """Queue a download for each link: all or none.

    Raises ValuesRefused, which names every link that is not accepted, ValueRefused, QueueFull or QuotaExceeded.
    """
    jobs = _prepared(owner, submission, api_key)
    batch = Batch(
        owner=owner,
        api_key=api_key,
        correlation_id=services.correlation_id(),
        link_origin=file_links.caller_origin(),
        kind=BatchKind.LINKS,
        options=submission.options.to_json(),
        priority=submission.priority,
        cookie_jar=jobs[0].cookie_jar,
        webhook_url=submission.webhook_url,
        concurrent_limit=submission.concurrent_limit,
        stop_on_error=submission.stop_on_error,
    )
    with transaction.atomic():
        services.refuse_when_full(jobs=len(jobs))
        quotas.admit(owner, api_key, jobs=len(jobs))
        batch.save(force_insert=True)
        add(batch, jobs)
        transaction.on_commit(lambda: wake_for(batch, len(jobs)))
    return batch


def add(batch: Batch, jobs: list[Job], *, first: int = 1) -> None:
    """Store new jobs as the batch's, in this order from position `first` on. Waking workers is the caller's part."""
    for position, job in enumerate(jobs, first):
        job.batch, job.position = batch, position
        job.template_values = {**job.template_values, "batch_id": batch.public_id}
    lifecycle.create_all(jobs)


def wake_for(batch: Batch, jobs: int) -> None:
    """Wake as many workers as may run so many of its jobs at once. To be called after the commit."""
    queue.wake_for(min(jobs, batch.concurrent_limit or jobs))


def cancel_batch(batch: Batch, *, wait: bool = True) -> int:
    """Cancel what has not ended, and the reading of its list. Returns how many jobs that concerned.

    Workers of running jobs are asked; with `wait`, their answer is awaited for two seconds at most. `batch` is
    refreshed. Raises StateConflict when it is over already.
    """
    with transaction.atomic():
        held = batches.hold(batch.pk)
        if held.state in TERMINAL:
            raise StateConflict(f"Batch {batch.public_id} is {held.state} and cannot be cancelled.")
        batches.cancel(held)
        # Asked twice: what was claimed in between is no longer waiting, and what came back was asked before.
        lifecycle.ask_all(held, Wish.CANCEL)
        waiting = lifecycle.cancel_waiting(held, reason=asking.reason("cancelled"))
        running = lifecycle.ask_all(held, Wish.CANCEL)
        extraction.withdraw(held, why="The batch was cancelled before this page was read.")
        batches.settle(held)
    for job in waiting:
        storage.discard(storage.set_aside(job.public_id))
    _await_end(batch, seconds=services.STOP_DEADLINE_SECONDS if wait else 0)
    return len(waiting) + running


def retry_batch(batch: Batch) -> int:
    """Queue its failed jobs again, and those that were cancelled with it or because one failed. Returns how many.

    A list that could not be read is read again.
    `batch` is refreshed. Raises StateConflict when there are none, QueueFull or QuotaExceeded when there is no room.
    """
    states = [State.FAILED]
    if batch.is_cancelled or (batch.stop_on_error and batch.error):
        states.append(State.CANCELLED)
    ended = list(Job.objects.filter(batch=batch, state__in=states).order_by("position"))
    if _is_unread_list(batch):
        _read_again(batch)
        batch.refresh_from_db()
        return 0
    if not ended:
        raise StateConflict(f"Batch {batch.public_id} has no failed downloads to try again.")
    services.refuse_when_full(jobs=len(ended))
    retried = 0
    for start in range(0, len(ended), RETRIED_AT_ONCE):
        retried += _retry(batch, ended[start : start + RETRIED_AT_ONCE])
    wake_for(batch, retried)
    batch.refresh_from_db()
    return retried


def read_list(batch: Batch) -> Extraction:
    """Have the list read that the batch's jobs come from. Raises LinkRefused and QueueFull."""
    items = batch.selection.get("read")
    return extraction.ask(
        batch.owner,
        ExtractionKind.ENTRIES,
        batch.url,
        parameters={"items": items} if items else {},
        cookie_jar=batch.cookie_jar,
        batch=batch,
    )


def _is_unread_list(batch: Batch) -> bool:
    has_ended_badly = batch.kind in LISTS and batch.state in {State.FAILED, State.CANCELLED}
    return has_ended_badly and not Job.objects.filter(batch=batch).exists()


def _read_again(batch: Batch) -> None:
    with transaction.atomic():
        held = batches.hold(batch.pk)
        if held.state not in TERMINAL:
            raise StateConflict(f"Batch {batch.public_id} is being read already.")
        batches.read_anew(held)
        read_list(held)


def _prepared(owner: User, submission: BatchSubmission, api_key: ApiKey | None) -> list[Job]:
    jobs, refusals = [], []
    for link in submission.links:
        try:
            jobs.append(services.prepared(owner, submission.of(link), api_key=api_key))
        except LinkRefused as refusal:
            where = f"Line {link.line}: " if link.line else ""
            refusals.append(LinkRefused(f"{where}{refusal}", field=link.field))
    if refusals:
        raise ValuesRefused(list(refusals))
    return jobs


def _retry(batch: Batch, jobs: Iterable[Job]) -> int:
    """One transaction. A job that somebody else moved meanwhile is left to them."""
    as_new: dict[str, Any] = {**services.AS_NEW, "started_at": None, "queued_at": timezone.now()}
    with transaction.atomic():
        quotas.admit(batch.owner, batch.api_key, jobs=0)
        batches.hold(batch.pk)
        return sum(lifecycle.move(job, State.QUEUED, reason=asking.reason("retried"), **as_new) for job in jobs)


def _await_end(batch: Batch, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    batch.refresh_from_db()
    while batch.state not in TERMINAL and time.monotonic() < deadline:
        time.sleep(services.STOP_POLL_SECONDS)
        batch.refresh_from_db()
