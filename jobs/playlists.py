"""What callers do with playlists, channels and feeds: look at a page of one, or download its entries as a batch.

The lists are read by workers (`extraction`), never here; what becomes of the entries is `expansion`'s part.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import ApiKey, CookieJar, User
from jobs import batch_services, expansion, extraction, file_links, links, quotas, services
from jobs.engine.contract import Options
from jobs.errors import ExtractionFailed, ExtractionTimeout, QueueFull
from jobs.models import DEFAULT_PRIORITY, Batch
from jobs.selection import Filters, Selection
from jobs.states import BatchKind, ExtractionKind

ALL = ""  # as many as are ever read
PLAYLIST_TEMPLATE = "playlists/{playlist}/{playlist_index:03d}-{title}.{ext}"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a list's entries. `total` and `total_in_list` are None when the site does not tell."""

    about: dict[str, Any]  # what the list tells of itself
    entries: list[dict[str, Any]]
    number: int
    size: int
    has_next: bool
    total: int | None  # entries that pass the filters
    total_in_list: int | None
    unknown: int = 0  # entries that lack a value which a filter needs

    def total_pages(self) -> int | None:
        """None when the site does not tell."""
        return None if self.total is None else -(-self.total // self.size)


@dataclass(frozen=True, kw_only=True)
class ListSubmission:
    """A list with the options of all its downloads, validated in shape but not yet against the installation's rules."""

    kind: BatchKind
    url: str
    options: Options
    items: str = ALL  # which to read, in yt-dlp's syntax
    filters: Filters = field(default_factory=Filters)
    sort_by: str | None = None
    is_reversed: bool = False
    max_downloads: int | None = None
    skip_downloaded: bool = True
    concurrent_limit: int | None = None
    stop_on_error: bool = False
    priority: int = DEFAULT_PRIORITY
    cookies_id: str = ""
    webhook_url: str = ""

    def selection(self) -> dict[str, Any]:
        """As the batch keeps it."""
        return {
            "read": self._needed(),
            "filters": self.filters.to_json(),
            "sort_by": self.sort_by,
            "reverse_playlist": self.is_reversed,
            "max_downloads": self.max_downloads,
            "skip_downloaded": self.skip_downloaded,
        }

    def _needed(self) -> str:
        """What has to be read. What decides over entries may ask for any number of them."""
        takes_first = not (self.filters.to_json() or self.sort_by or self.skip_downloaded or self.items)
        return f"1:{self.max_downloads}" if takes_first and self.max_downloads else self.items


def page_of_list(owner: User, url: str, *, number: int, size: int, cookies_id: str = "") -> Page:
    """A page in the list's own order, without reading more of the list. Raises what `extraction.answer` does."""
    start = (number - 1) * size + 1
    jar = services.jar_of(owner, cookies_id)
    found = _read(owner, url, f"{start}:{start + size}", jar)  # one more than shown tells whether there is a next page
    entries, total = found["entries"], found["total"]
    return Page(
        about=found,
        entries=entries[:size],
        number=number,
        size=size,
        has_next=len(entries) > size,
        total=total,
        total_in_list=total,
    )


def page_of_channel(
    owner: User, url: str, selection: Selection, *, number: int, size: int, cookies_id: str = ""
) -> Page:
    """A page of what a selection leaves of a list. Reads all of it only if there is something to filter or to sort."""
    if selection == Selection():
        return page_of_list(owner, url, number=number, size=size, cookies_id=cookies_id)
    found = _read(owner, url, ALL, services.jar_of(owner, cookies_id))
    chosen = selection.of(found["entries"])
    start = (number - 1) * size
    return Page(
        about=found,
        entries=[dict(entry) for entry in chosen.entries[start : start + size]],
        number=number,
        size=size,
        has_next=len(chosen.entries) > start + size,
        total=len(chosen.entries),
        total_in_list=found["total"],
        unknown=chosen.unknown,
    )


def submit_list(owner: User, submission: ListSubmission, *, api_key: ApiKey | None = None) -> Batch:
    """Have a list read and its entries downloaded.

    Waits LIST_WAIT_SECONDS for the list, so that the batch normally has its jobs; workers add them when it takes
    longer. A list that cannot be read is a failed batch. Raises ValueRefused (LinkRefused for the link itself),
    QueueFull and QuotaExceeded; nothing is stored then. Not to be called within a transaction: workers have to see
    what it stores.
    """
    links.accepted_host(submission.url)
    services.refuse_when_full(jobs=1)
    batch = Batch(
        owner=owner,
        api_key=api_key,
        correlation_id=services.correlation_id(),
        link_origin=file_links.caller_origin(),
        kind=submission.kind,
        url=submission.url,
        selection=submission.selection(),
        options=submission.options.to_json(),
        priority=submission.priority,
        cookie_jar=services.jar_of(owner, submission.cookies_id),
        webhook_url=submission.webhook_url,
        concurrent_limit=submission.concurrent_limit,
        stop_on_error=submission.stop_on_error,
        is_expanded=False,
    )
    with transaction.atomic():
        quotas.admit(owner, api_key, jobs=1)
        batch.save(force_insert=True)
        look = batch_services.read_list(batch)
    with suppress(ExtractionFailed, ExtractionTimeout, QueueFull):  # the batch tells, now or when a worker is done
        extraction.answer(look, seconds=settings.LIST_WAIT_SECONDS)
    expansion.expand(batch)
    return batch


def _read(owner: User, url: str, items: str, jar: CookieJar | None) -> dict[str, Any]:
    parameters = {"items": items} if items else {}
    look = extraction.ask(owner, ExtractionKind.ENTRIES, url, parameters=parameters, cookie_jar=jar)
    return extraction.answer(look)
