"""What an owner has downloaded already, under the names that yt-dlp's `archive.txt` uses: one line a video, its
extractor and its id. Written when a job completes; read when a list's entries become jobs.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from jobs.engine.contract import Result
from jobs.errors import NotFound, ValueRefused, ValuesRefused
from jobs.models import ArchiveEntry, Job

AT_ONCE = 500
MAX_EXTRACTOR_CHARACTERS = 100
MAX_ID_CHARACTERS = 200
MOST_REFUSALS = 20  # that an error names
_LINE = re.compile(r"(\S+) (\S.*)")


class Added(NamedTuple):
    """What an import of an `archive.txt` came to."""

    new: int
    known: int
    comments: int  # lines that begin with #, which count for nothing


def key_of(extractor_key: str, video_id: str) -> str:
    """The video's line in the archive; empty when it has none."""
    key = f"{extractor_key.lower()} {video_id}"
    return key if extractor_key and _parsed(key) else ""


def entry_keys(found: Mapping[str, Any]) -> list[str]:
    """The line of each entry of a list that was read, as `extraction.answer` describes it.

    Where yt-dlp has only made up an id, from the last part of a link or the name of a page, the whole link stands for
    it: `audio.mp3` of one podcast is not that of another.
    """
    is_any_page = found.get("extractor_key") == "Generic"
    return [_entry_key(entry, is_any_page=is_any_page) for entry in found["entries"]]


def remember(job: Job, result: Result) -> None:
    """Note what a job downloaded, as its page and as the list that named it know it. In the caller's transaction."""
    own = key_of(result.extractor_key, str(result.metadata.get("id") or ""))
    _store(job.owner, {key for key in (own, job.archive_key) if key})


def known(owner: User, keys: Iterable[str]) -> set[str]:
    """Those of the lines that stand in the owner's archive."""
    found: set[str] = set()
    by_extractor: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        extractor, _, video_id = key.partition(" ")
        by_extractor[extractor].append(video_id)
    for extractor, ids in by_extractor.items():
        for start in range(0, len(ids), AT_ONCE):
            rows = of(owner).filter(extractor=extractor, video_id__in=ids[start : start + AT_ONCE])
            found.update(f"{extractor} {video_id}" for video_id in rows.values_list("video_id", flat=True))
    return found


def of(owner: User) -> QuerySet[ArchiveEntry]:
    """The owner's archive."""
    return ArchiveEntry.objects.filter(owner=owner)


def lines(owner: User) -> Iterator[str]:
    """The archive as yt-dlp reads it, oldest first."""
    for extractor, video_id in of(owner).order_by("id").values_list("extractor", "video_id").iterator():
        yield f"{extractor} {video_id}\n"


def add_lines(owner: User, text: str, *, field: str) -> Added:
    """Add the lines of an `archive.txt`; empty ones and comments count for nothing.

    Raises ValuesRefused, which names the lines that are wrong, under the name of the request's `field`.
    """
    keys: dict[str, None] = {}
    refusals: list[ValueRefused] = []
    comments = 0
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comments += 1
            continue
        parsed = _parsed(stripped)
        if parsed:
            keys[" ".join(parsed)] = None
        elif stripped:
            refusals.append(
                ValueRefused(
                    field, f"Line {number}: write an extractor, a space and an id, such as youtube a1B2c3D4e5F."
                )
            )
    if refusals:
        raise ValuesRefused(refusals[:MOST_REFUSALS])
    with transaction.atomic():
        before = of(owner).count()
        _store(owner, keys)
        added = of(owner).count() - before
    return Added(added, len(keys) - added, comments)


def forget(owner: User, extractor: str, video_id: str) -> None:
    """Take a video out of the archive, so that it is downloaded again. Raises NotFound."""
    parsed = _parsed(f"{extractor} {video_id}")
    deleted, _ = of(owner).filter(extractor=parsed[0], video_id=parsed[1]).delete() if parsed else (0, {})
    if not deleted:
        raise NotFound("Your archive has no such entry.")


def _entry_key(entry: Mapping[str, Any], *, is_any_page: bool) -> str:
    link, number = str(entry["url"]), entry["page_entry"]
    name = PurePosixPath(link.rstrip("/").rpartition("/")[2]).stem
    is_made_up = entry["id"] == unquote(name) or (is_any_page and number is not None)
    key = "" if is_made_up else key_of(str(entry["extractor_key"] or ""), str(entry["id"] or ""))
    return key or f"generic link-{hashlib.sha256(f'{link} {number}'.encode()).hexdigest()[:32]}"


def _store(owner: User, keys: Iterable[str]) -> None:
    rows = []
    for key in keys:
        extractor, _, video_id = key.partition(" ")
        rows.append(ArchiveEntry(owner=owner, extractor=extractor, video_id=video_id))
    ArchiveEntry.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)


def _parsed(line: str) -> tuple[str, str] | None:
    """Extractor and id of a line; None when it is not one, or has more than the archive takes."""
    found = _LINE.fullmatch(line)
    if found is None or len(found[1]) > MAX_EXTRACTOR_CHARACTERS or len(found[2]) > MAX_ID_CHARACTERS:
        return None
    if not line.isprintable():
        return None
    return found[1].lower(), found[2]
