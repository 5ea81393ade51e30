"""What people see of a list before they choose from it: pages, searched and filtered, without waiting for the site.

The list is read by workers (`extraction`); downloading what was chosen is the business of `playlists`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from jobs import archive, extraction, selection, services
from jobs.selection import Selection
from jobs.states import ExtractionKind, ExtractionState

LIVE = (ExtractionState.QUEUED, ExtractionState.RUNNING)
MAX_ITEMS_CHARACTERS = 8000  # of what people tick; more is better said as ranges
_ITEMS = re.compile(r"\d{1,7}(?:-(?:\d{1,7}|inf)?)?(?:,\d{1,7}(?:-(?:\d{1,7}|inf)?)?)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A page of a list, of what filters and words leave of it."""

    url: str
    selection: Selection = field(default_factory=Selection)
    words: str = ""  # all of which are in a title, in any order
    cookies_id: str = ""
    number: int = 1
    size: int = 48

    @property
    def is_narrowed(self) -> bool:
        """Whether all of the list has to be read to tell what is on a page."""
        return bool(self.words.split()) or self.selection != Selection()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is on the page. `total` and `matching` cover all pages; `total` is None when the site does not tell."""

    about: dict[str, Any]
    entries: list[dict[str, Any]]  # as `extraction.answer` describes them, and `is_known`: in the owner's archive
    has_next: bool
    total: int | None
    total_in_list: int | None
    matching: str  # numbers and ranges of every entry that passes
    seconds: float | None = None  # how long they are together; None when not all of them tell
    unknown: int = 0  # entries that lack a value which a filter needs


def page(owner: User, wanted: Wanted) -> Shown | None:
    """The page; None while a worker reads the list, which this asks for.

    Raises ValueRefused, QueueFull, ExtractionFailed and ExtractionTimeout.
    """
    start = (wanted.number - 1) * wanted.size
    # One more than shown tells whether there is a next page.
    items = "" if wanted.is_narrowed else f"{start + 1}:{start + wanted.size + 1}"
    jar = services.jar_of(owner, wanted.cookies_id)
    parameters = {"items": items} if items else {}
    look = extraction.ask(owner, ExtractionKind.ENTRIES, wanted.url, parameters=parameters, cookie_jar=jar)
    if look.state in LIVE:
        return None
    found = extraction.answer_of(look)
    return _narrowed(owner, wanted, found) if wanted.is_narrowed else _plain(owner, wanted, found)


def check_items(text: str) -> str:
    """What people ticked or wrote, in the form that the engine takes. Raises ValueError, with a message for them."""
    items = "".join(text.split())
    if len(items) > MAX_ITEMS_CHARACTERS:
        raise ValueError("These are too many single entries. Choose ranges, or fewer.")
    if not _ITEMS.fullmatch(items) or any(part.startswith("0") for part in re.split("[,-]", items)):
        raise ValueError("Write numbers and ranges with commas, such as 1-10,15.")
    for part in items.split(","):
        selection.check_segment(part)
    return items


def ranges(numbers: Iterable[int]) -> str:
    """`1-3,7` for 1, 2, 3 and 7."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _plain(owner: User, wanted: Wanted, found: dict[str, Any]) -> Shown:
    entries = found["entries"][: wanted.size]
    total = found["total"]
    return Shown(
        about=found,
        entries=_marked(owner, found, entries),
        has_next=len(found["entries"]) > wanted.size,
        total=total,
        total_in_list=total,
        matching=f"1-{total}" if total else "1-inf",
    )


def _narrowed(owner: User, wanted: Wanted, found: dict[str, Any]) -> Shown:
    chosen = wanted.selection.of(_with_words(found["entries"], wanted.words))
    start = (wanted.number - 1) * wanted.size
    durations = [entry["duration"] for entry in chosen.entries]
    return Shown(
        about=found,
        entries=_marked(owner, found, chosen.entries[start : start + wanted.size]),
        has_next=len(chosen.entries) > start + wanted.size,
        total=len(chosen.entries),
        total_in_list=found["total"],
        matching=ranges(entry["playlist_index"] for entry in chosen.entries),
        seconds=None if None in durations else sum(durations),
        unknown=chosen.unknown,
    )


def _with_words(entries: Sequence[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    wanted = words.casefold().split()
    return [entry for entry in entries if all(word in str(entry["title"] or "").casefold() for word in wanted)]


def _marked(owner: User, found: dict[str, Any], entries: Iterable[Any]) -> list[dict[str, Any]]:
    """With a mark on those that the owner has downloaded before."""
    shown = [dict(entry) for entry in entries]
    keys = archive.entry_keys(found | {"entries": shown})
    known = archive.known(owner, keys)
    return [entry | {"is_known": key in known} for entry, key in zip(shown, keys, strict=True)]
