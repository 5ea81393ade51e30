"""Which entries of a list are wanted: numbers and ranges as yt-dlp reads them, filters, order. Pure: without Django,
and without yt-dlp, which web processes do not load.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

Entry: TypeAlias = Mapping[str, Any]  # an entry as `extraction.answer` describes it

MAX_ITEMS_CHARACTERS = 500
MAX_DIGITS = 7  # no list has ten million entries
SORTS = ("upload_date", "view_count", "duration", "title")

_NUMBER = f"[+-]?[1-9][0-9]{{0,{MAX_DIGITS - 1}}}"
# What a part looks like; `check_segment` decides.
_RANGE = rf"[:-](?:{_NUMBER}|inf(?:inite)?)?(?::{_NUMBER})?"
PART_PATTERN = rf"(?:{_NUMBER}(?:{_RANGE})?|{_RANGE})"
_SEGMENT = re.compile(
    r"(?P<start>[+-]?\d+)?(?P<range>[:-](?P<end>[+-]?\d+|inf(?:inite)?)?(?::(?P<step>[+-]?\d+))?)?", re.ASCII
)


def check_items(text: str) -> None:
    """Raise ValueError, with a message for the user, unless yt-dlp understands it as `playlist_items`, and finds
    something with each part in a list that is long enough.

    `1-3,7` and `1:3,7` are the first three and the seventh, `-3:` the last three, `::2` every second one.
    """
    if len(text) > MAX_ITEMS_CHARACTERS:
        raise ValueError(f"This is longer than {MAX_ITEMS_CHARACTERS} characters.")
    for segment in text.split(","):
        check_segment(segment)


def check_segment(segment: str) -> None:
    """Raise ValueError, with a message for the user, for a part between commas that `check_items` would refuse."""
    if not segment:
        raise ValueError("There is an empty part. Write numbers and ranges with single commas, such as 1-10,15.")
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        raise ValueError(f"{segment[:40]!r} is neither a number nor a range. Write it like 1-10,15.")
    numbers = [found[name] for name in ("start", "end", "step") if found[name] and found[name][0] != "i"]
    if any(len(number.lstrip("+-")) > MAX_DIGITS for number in numbers):
        raise ValueError(f"{segment[:40]!r} has a number that no list reaches.")
    start, end = _number(found["start"]), _number(found["end"])
    step = int(found["step"] or 1)
    if 0 in (start, end):
        raise ValueError("Entries are counted from 1.")
    if step == 0:
        raise ValueError(f"The step in {segment[:40]!r} cannot be 0.")
    if _is_backwards(start, end, step):
        shown = f"{end:g}-{start:g}" if start and end and end > 0 else "1-10"
        raise ValueError(f"{segment[:40]!r} ends before it begins. Write {shown}, or 10:1:-1 for the last one first.")


def _number(text: str | None) -> float | None:
    if text in (None, "infinite"):  # which yt-dlp accepts, and takes for no number
        return None
    return math.inf if text == "inf" else int(text)


def _is_backwards(start: float | None, end: float | None, step: int) -> bool:
    """Whether no list, however long, has an entry between the two. Those from the end on are negative."""
    if step < 0 and end == math.inf:
        return True
    if start is None or end is None or (start > 0) is not (end > 0):
        return False
    return start > end if step > 0 else start < end


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Bounds, all of them inclusive; None is none. Dates are YYYYMMDD, durations seconds."""

    date_after: str | None = None
    date_before: str | None = None
    min_duration: float | None = None
    max_duration: float | None = None
    min_views: int | None = None
    max_views: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """Those that are given, under the wire's names."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def admits(self, entry: Entry) -> bool | None:
        """Whether the entry is within all bounds; None when it lacks a value that would have to be known."""
        verdicts = [
            _is_within(entry.get("upload_date"), self.date_after, self.date_before),
            _is_within(entry.get("duration"), self.min_duration, self.max_duration),
            _is_within(entry.get("view_count"), self.min_views, self.max_views),
        ]
        if False in verdicts:
            return False
        return None if None in verdicts else True


@dataclass(frozen=True)
class Chosen:
    """The entries that are wanted, in order; how many could not be judged, how many were downloaded before."""

    entries: tuple[Entry, ...]
    unknown: int = 0
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which entries of a list that was read, in which order."""

    filters: Filters = Filters()
    sort_by: str | None = None  # one of SORTS: the newest, most seen, longest first; titles from A to Z
    is_reversed: bool = False
    most: int | None = None

    def of(self, entries: Sequence[Entry], *, downloaded: frozenset[int] = frozenset()) -> Chosen:
        """Apply it. `downloaded` holds the indexes in `entries` of those to leave out, which do not count as `most`."""
        verdicts = [self.filters.admits(entry) for entry in entries]
        admitted = [index for index, verdict in enumerate(verdicts) if verdict]
        fresh = [entries[index] for index in admitted if index not in downloaded]
        ordered = sort(fresh, self.sort_by)
        if self.is_reversed:
            ordered.reverse()
        return Chosen(tuple(ordered[: self.most]), verdicts.count(None), len(admitted) - len(fresh))


def sort(entries: Sequence[Entry], key: str | None) -> list[Entry]:
    """By one of SORTS, those without the value last; in the list's own order without a key, and among equals."""
    if key is None:
        return list(entries)
    known = [entry for entry in entries if entry.get(key) is not None]
    unknown = [entry for entry in entries if entry.get(key) is None]
    if key == "title":
        return sorted(known, key=lambda entry: str(entry["title"]).casefold()) + unknown
    return sorted(known, key=lambda entry: entry[key], reverse=True) + unknown


def _is_within(value: Any, least: Any, most: Any) -> bool | None:
    if least is None and most is None:
        return True
    if value is None:
        return None
    return (least is None or value >= least) and (most is None or value <= most)
