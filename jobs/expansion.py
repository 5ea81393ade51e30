"""From a list that was read to the jobs of its batch: one for each chosen entry, none lost, none twice.

What is chosen is decided once and kept with the batch; then the jobs are made some at a time. Whoever goes on after a
crash, and whoever works on the same batch at the same time, holds its row and goes on behind the last job that exists.
"""

from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from jobs import archive, batch_services, batches, lifecycle, links, quotas, services
from jobs.engine.contract import FailureCode
from jobs.errors import ExtractionFailed, ExtractionTimeout, ItemsMissing, LinkRefused, QueueFull, QuotaExceeded
from jobs.extraction import answer_of
from jobs.models import Batch, Extraction, Job
from jobs.selection import Filters, Selection
from jobs.states import BatchKind, ExtractionState, State

log = structlog.get_logger(__name__)

AT_ONCE = 200  # jobs in one transaction
MAX_TITLE_CHARACTERS = 500
READ = (ExtractionState.COMPLETED, ExtractionState.FAILED)


def unexpanded() -> QuerySet[Batch]:
    """Batches whose list was read and whose jobs do not all exist yet."""
    is_read = Extraction.objects.filter(batch=OuterRef("pk"), position__isnull=True, state__in=READ)
    is_asked = Extraction.objects.filter(batch=OuterRef("pk"), position__isnull=True)
    # The second: what was read was cleared away before anybody made jobs of it.
    return Batch.objects.filter(Exists(is_read) | ~Exists(is_asked), is_expanded=False, completed_at__isnull=True)


def expand_all() -> None:
    """`follow` every batch whose list was read."""
    for batch in unexpanded():
        follow(batch)


def follow(batch: Batch) -> None:
    """`expand`, where nobody waits for it."""
    try:
        expand(batch)
    except Exception:
        # One list that cannot be worked on must not keep the others from it, nor come up again and again.
        log.exception("expansion broke", batch=batch.public_id)
        _give_up(batch, "Something went wrong in this service. Try again, or send the operator the batch's id.")


def expand(batch: Batch) -> None:
    """Make the batch's jobs if its list is read; fail the batch if that failed. Nothing while it is being read.

    May be called any number of times, by any number of processes; `batch` is refreshed.
    """
    look = batch.extractions.filter(position__isnull=True).order_by("-id").first()
    try:
        if look is None:
            batch_services.read_list(batch)
        elif look.state in READ:
            _expand(batch, answer_of(look))
    except (ExtractionFailed, ExtractionTimeout, ItemsMissing, LinkRefused, QueueFull, QuotaExceeded) as refusal:
        _give_up(batch, str(refusal))
    batch.refresh_from_db()


def _expand(batch: Batch, found: dict[str, Any]) -> None:
    keys = archive.entry_keys(found)
    _choose(batch, found, keys)
    made = AT_ONCE
    while made == AT_ONCE:
        made = _make_some(batch, found, keys)


def _choose(batch: Batch, found: dict[str, Any], keys: list[str]) -> None:
    """Decide, unless that is done, which entries become jobs."""
    with transaction.atomic():
        quotas.held(batch.owner, batch.api_key)
        held = batches.hold(batch.pk)
        if held.is_expanded or "chosen" in held.selection:
            return
        entries: list[dict[str, Any]] = found["entries"]
        _refuse_nothing(held, found)
        chosen = _selection(held).of(entries, downloaded=_downloaded(held, keys))
        _refuse_when_full(len(chosen.entries))
        quotas.admit(held.owner, held.api_key, jobs=len(chosen.entries))
        batches.begin(held.pk)
        places = {id(entry): index for index, entry in enumerate(entries)}
        held.selection = held.selection | {
            "chosen": [places[id(entry)] for entry in chosen.entries],
            "unknown": chosen.unknown,
        }
        held.title = str(found["title"] or "")[:MAX_TITLE_CHARACTERS]
        held.skipped = chosen.skipped
        held.save(update_fields=["selection", "title", "skipped"])


def _refuse_nothing(batch: Batch, found: dict[str, Any]) -> None:
    """An empty list is no mistake; to ask for entries by number that it does not have is one."""
    items, total = batch.selection.get("read"), found["total"]
    if items and batch.kind == BatchKind.PLAYLIST and not found["entries"]:
        length = f"The list has {total} entries" if total is not None else "The list is shorter"
        raise ItemsMissing(f"{length}: none of them is within {items}. Choose others with items, or start and end.")


def _refuse_when_full(jobs: int) -> None:
    try:
        services.refuse_when_full(jobs=jobs)
    except QueueFull as refusal:
        raise QueueFull(f"{refusal} This list has {jobs} entries to download: choose fewer.") from refusal


def _selection(batch: Batch) -> Selection:
    asked = batch.selection
    return Selection(
        filters=Filters.from_json(asked.get("filters", {})),
        sort_by=asked.get("sort_by"),
        is_reversed=asked.get("reverse_playlist", False),
        most=asked.get("max_downloads"),
    )


def _downloaded(batch: Batch, keys: list[str]) -> frozenset[int]:
    """Indexes of the entries that the owner has, if those are to be left out."""
    known = archive.known(batch.owner, keys) if batch.selection.get("skip_downloaded") else set()
    return frozenset(index for index, key in enumerate(keys) if key in known)


def _make_some(batch: Batch, found: dict[str, Any], keys: list[str]) -> int:
    """Make the next jobs, and end the expansion when these were the last. Returns how many they were."""
    with transaction.atomic():
        quotas.held(batch.owner, batch.api_key)
        held = batches.hold(batch.pk)
        if held.is_expanded:
            return 0
        last = Job.objects.filter(batch=held).aggregate(last=Max("position"))["last"] or 0
        chosen: list[int] = held.selection["chosen"][last : last + AT_ONCE]
        jobs, refused = [], []
        for index in chosen:
            job, refusal = _job_of(held, found, found["entries"][index], keys[index])
            jobs.append(job)
            refused += [(job, refusal)] if refusal else []
        quotas.admit(held.owner, held.api_key, jobs=len(jobs))
        batch_services.add(held, jobs, first=last + 1)
        if len(chosen) < AT_ONCE:
            batches.list_read(held)
        _end_refused(refused)
        _stop_if_wanted(held)
        transaction.on_commit(lambda: batch_services.wake_for(held, len(jobs)))
    return len(chosen)


def _job_of(batch: Batch, found: dict[str, Any], entry: dict[str, Any], key: str) -> tuple[Job, str]:
    """The entry's job, not stored yet, and why its link is refused, if it is."""
    job = Job(
        owner_id=batch.owner_id,
        api_key_id=batch.api_key_id,
        correlation_id=batch.correlation_id,
        url=str(entry["url"] or batch.url)[: settings.LONGEST_URL],
        options=batch.options,
        priority=batch.priority,
        cookie_jar_id=batch.cookie_jar_id,
        webhook_url=batch.webhook_url,
        page_entry=entry["page_entry"],
        template_values=_template_values(found, entry),
        archive_key=key,
        title=str(entry["title"] or "")[:MAX_TITLE_CHARACTERS],
    )
    try:
        job.host = links.accepted_host(job.url)
    except LinkRefused as refusal:
        return job, str(refusal)
    return job, ""


def _template_values(found: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """What the list tells. The title only where the entry's own page has none: a media file is named by its address."""
    values = {
        "playlist": found["title"],
        "playlist_index": entry["playlist_index"],
        "uploader": entry["uploader"] or found["uploader"] or found["title"],
        "upload_date": entry["upload_date"],
        "title": entry["title"] if entry["extractor_key"] == "Generic" else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _end_refused(refused: list[tuple[Job, str]]) -> None:
    for job, why in refused:
        told: dict[str, Any] = {"error": why, "error_code": FailureCode.UNSUPPORTED_URL}
        lifecycle.move(job, State.FAILED, reason="its link is refused", **told)


def _stop_if_wanted(batch: Batch) -> None:
    """What an error or its caller ended while jobs were still being added ends for these, too."""
    batch.refresh_from_db()
    if batch.error or batch.is_cancelled:
        lifecycle.cancel_waiting(batch, reason="an earlier download failed" if batch.error else "cancelled")
    batches.settle(batch)


def _give_up(batch: Batch, why: str) -> None:
    with transaction.atomic():
        held = batches.hold(batch.pk)
        if not held.is_expanded:
            log.warning("list not read", batch=batch.public_id, reason=why)
            batches.list_read(held, error=why)
            batches.settle(held)
