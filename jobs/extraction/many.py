"""Many pages read at once: a batch that downloads nothing."""

from collections.abc import Sequence

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import ApiKey, CookieJar, User
from jobs import batches, queue
from jobs.errors import LinkRefused, NotFound, StateConflict, ValuesRefused
from jobs.extraction.asking import LIVE, queued_for, refuse_when_full
from jobs.models import Batch, Extraction
from jobs.states import TERMINAL, BatchKind, ExtractionKind, ExtractionState


def submit(owner: User, urls: Sequence[str], *, cookie_jar: CookieJar | None, api_key: ApiKey | None) -> Batch:
    """Have every page read, in the order of the links: all or none.

    Raises ValuesRefused, which names every link that is not accepted, and QueueFull.
    """
    rows = _questions(owner, urls, cookie_jar)
    batch = Batch(
        owner=owner,
        api_key=api_key,
        kind=BatchKind.METADATA,
        cookie_jar=cookie_jar,
        correlation_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )
    with transaction.atomic():
        refuse_when_full(questions=len(rows))
        batch.save(force_insert=True)
        for position, row in enumerate(rows, 1):
            row.batch, row.position = batch, position
        Extraction.objects.bulk_create(rows)
        transaction.on_commit(queue.wake)
    return batch


def cancel(batch: Batch) -> int:
    """End what waits and what is being read: its worker notices within a second. Returns how many pages that concerned.

    `batch` is refreshed. Raises StateConflict when it is over already.
    """
    with transaction.atomic():
        held = batches.hold(batch.pk)
        if held.state in TERMINAL:
            raise StateConflict(f"Batch {batch.public_id} is {held.state} and cannot be cancelled.")
        batches.cancel(held)
        live = Extraction.objects.filter(batch=held, state__in=LIVE)
        ended = live.update(
            state=ExtractionState.CANCELLED, error="The batch was cancelled.", completed_at=timezone.now()
        )
        batches.settle(held)
    batch.refresh_from_db()
    return ended


def batch_of(user: User, public_id: str) -> Batch:
    """The caller's batch of pages. Raises NotFound for unknown ids, for other people's and for those of downloads."""
    batch = Batch.objects.filter(owner=user, kind=BatchKind.METADATA, public_id=public_id).first()
    if batch is None:
        raise NotFound(f"There is no metadata batch {public_id!r}.")
    return batch


def pages_of(batch: Batch) -> QuerySet[Extraction]:
    """The pages of the batch in their order, without what only workers need."""
    return Extraction.objects.filter(batch=batch).order_by("position").defer("known_info")


def _questions(owner: User, urls: Sequence[str], cookie_jar: CookieJar | None) -> list[Extraction]:
    rows: list[Extraction] = []
    refusals = []
    for number, url in enumerate(urls):
        try:
            rows.append(queued_for(owner, ExtractionKind.VIDEO, url, cookie_jar=cookie_jar))
        except LinkRefused as refusal:
            refusals.append(LinkRefused(str(refusal), field=f"urls.{number}"))
    if refusals:
        raise ValuesRefused(list(refusals))
    return rows
