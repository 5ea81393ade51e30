"""Asking for what a page holds, and waiting for the answer. Reads no page: that is `running`, in a worker."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import CookieJar, User
from jobs import links, queue, scheduling
from jobs.engine.contract import FailureCode
from jobs.errors import ExtractionFailed, ExtractionTimeout, QueueFull
from jobs.models import Batch, Extraction
from jobs.states import ExtractionKind, ExtractionState

LIVE = (ExtractionState.QUEUED, ExtractionState.RUNNING)
FIRST_POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 0.25
QUEUE_SECONDS = 5.0  # what a caller waits for a free worker besides


def ask(
    owner: User,
    kind: ExtractionKind,
    url: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    cookie_jar: CookieJar | None = None,
    batch: Batch | None = None,
    position: int | None = None,
) -> Extraction:
    """Have a page read: the row of an equal question that is fresh or being worked on, else a new, queued one.

    For ENTRIES, `parameters` is `{"items": "1:20"}`, in yt-dlp's syntax; without, all of them are read.
    With a batch the row is always a new one of the batch's own, at `position`; a worker answers it from a fresh equal
    one if there is any. Raises LinkRefused, and QueueFull when EXTRACTION_QUEUE_LIMIT questions wait already.
    """
    asked = queued_for(owner, kind, url, parameters=parameters, cookie_jar=cookie_jar)
    asked.batch, asked.position = batch, position
    known = None if batch else _equal(asked.question)
    if known is not None:
        return known
    return _stored(asked)


def queued_for(
    owner: User,
    kind: ExtractionKind,
    url: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    cookie_jar: CookieJar | None = None,
) -> Extraction:
    """The row of a question, not stored yet. Raises LinkRefused."""
    links.accepted_host(url)
    asked = dict(parameters or {})
    # New cookies, new answers: not those that a site changed by itself.
    jar = [cookie_jar.pk, cookie_jar.updated_at.isoformat()] if cookie_jar else None
    told = json.dumps([owner.pk, kind, url, asked, jar], sort_keys=True)
    return Extraction(
        owner=owner,
        kind=kind,
        url=url,
        parameters=asked,
        cookie_jar=cookie_jar,
        question=hashlib.sha256(told.encode()).hexdigest(),
        correlation_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )


def refuse_when_full(*, questions: int) -> None:
    """Raise QueueFull unless that many more questions may wait.

    Exact when called in the transaction that stores them: such calls go on one after the other. That transaction must
    lock nothing afterwards that another one may hold when it comes here.
    """
    scheduling.serialise_questions()
    waiting = Extraction.objects.filter(state=ExtractionState.QUEUED).count()
    if waiting + questions > settings.EXTRACTION_QUEUE_LIMIT:
        raise QueueFull("Too many pages are waiting to be read. Try again later.")


def answer(extraction: Extraction, *, seconds: float | None = None) -> dict[str, Any]:
    """Wait until the page is read, and return what was found; `extraction` is refreshed.

    `seconds` is the longest wait, by default EXTRACTION_TIMEOUT_SECONDS and some for the queue. Raises ExtractionFailed
    with the reason, ExtractionTimeout, and QueueFull when too many callers of this process wait already.

    ENTRIES give `title, uploader, uploader_id, description, extractor, extractor_key, webpage_url, channel_id,
    channel_follower_count, thumbnail, total` (None when the site does not tell) and `entries[]` of `id, title, url,
    duration, view_count, uploader, upload_date (YYYYMMDD), thumbnail, playlist_index, extractor_key, page_entry`. An
    entry without a link of its own has the page's, and its number as `page_entry`. A single video is one entry.
    VIDEO gives what `jobs.engine.reading.video` says.
    """
    if extraction.state in LIVE:
        with _place_to_wait():
            _wait(extraction, settings.EXTRACTION_TIMEOUT_SECONDS + QUEUE_SECONDS if seconds is None else seconds)
    return answer_of(extraction)


def withdraw(batch: Batch, *, why: str) -> int:
    """End the batch's questions that no worker has taken up. `batch` is held. Returns how many there were."""
    queued = Extraction.objects.filter(batch=batch, state=ExtractionState.QUEUED)
    return queued.update(state=ExtractionState.CANCELLED, error=why, completed_at=timezone.now())


def answer_of(extraction: Extraction) -> dict[str, Any]:
    """What a page that was read told. Raises ExtractionFailed or ExtractionTimeout."""
    if extraction.state in LIVE or extraction.error_code == FailureCode.TIMEOUT:
        raise ExtractionTimeout(extraction.error or "The site did not answer in time. Try again later.")
    if extraction.state != ExtractionState.COMPLETED:
        raise ExtractionFailed(extraction.error_code or FailureCode.INTERNAL, extraction.error)
    return dict(extraction.answer or {})


def _stored(asked: Extraction) -> Extraction:
    """The row, stored; or that of somebody who asked the same at the same moment. Raises QueueFull."""
    while True:
        try:
            with transaction.atomic():
                refuse_when_full(questions=1)
                asked.save(force_insert=True)
                transaction.on_commit(queue.wake)
        except IntegrityError:
            if (known := _equal(asked.question)) is not None:
                return known
        else:
            return asked


def _equal(question: str) -> Extraction | None:
    """The row that answers the same question, or will. Rows of batches are not shared while they are worked on."""
    is_live = Q(state__in=LIVE, batch__isnull=True)
    is_fresh = Q(state__in=(ExtractionState.COMPLETED, ExtractionState.FAILED), expires_at__gt=timezone.now())
    return Extraction.objects.defer("known_info").filter(is_live | is_fresh, question=question).order_by("-id").first()


def _wait(extraction: Extraction, seconds: float) -> None:
    """Until the row is answered or the time is over; the row is refreshed."""
    deadline = time.monotonic() + seconds
    pause = FIRST_POLL_SECONDS
    row = Extraction.objects.filter(pk=extraction.pk)
    while row.filter(state__in=LIVE).exists() and (left := deadline - time.monotonic()) > 0:
        if not connection.in_atomic_block:
            connection.close()  # a caller who waits for a site must not keep others from the database
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
    extraction.refresh_from_db(fields=["state", "answer", "error", "error_code", "completed_at", "expires_at"])


@contextmanager
def _place_to_wait() -> Iterator[None]:
    """Half of a web process's threads may wait for sites; the others go on answering."""
    places = _places(max(1, settings.WEB_THREADS // 2))
    if not places.acquire(blocking=False):
        raise QueueFull("Too many callers are waiting for pages to be read. Try again later.")
    try:
        yield
    finally:
        places.release()


@cache
def _places(number: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(number)
