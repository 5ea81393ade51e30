"""Entries become downloads and lines of the archive, under the rules that every caller has. Nothing is half done: what
is refused is told with its place, and the rest goes in.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from jobs import archive, batch_services, playlists, services
from jobs.batch_services import BatchSubmission, Link
from jobs.engine.contract import Options
from jobs.errors import QueueFull, QuotaExceeded, ValueRefused, ValuesRefused
from jobs.moving_in.entries import Entry, Kind
from jobs.playlists import ListSubmission
from jobs.services import Submission
from jobs.states import BatchKind

LINKS_OF_A_BATCH = 100
LIST_TEMPLATE = "channels/{uploader}/{upload_date}-{title}.{ext}"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How to bring entries in. `latest`: how many of each list are downloaded now; 0 for none."""

    is_rehearsal: bool = False
    latest: int = 0


@dataclass(frozen=True)
class Told:
    """An entry, and what is to be said of it."""

    entry: Entry
    message: str

    def as_json(self) -> dict[str, Any]:
        return {"place": self.entry.place, "value": self.entry.value, "message": self.message}


@dataclass
class Report:
    """What came of it, or would come of it in a rehearsal."""

    links: int = 0
    lists: int = 0
    archived: int = 0
    known: int = 0  # in the archive already
    repeated: int = 0  # named more than once by the file
    comments: int = 0  # lines of the file that begin with #
    batches: list[str] = field(default_factory=list)
    refused: list[Told] = field(default_factory=list)
    notes: list[Told] = field(default_factory=list)


def bring_in(owner: User, entries: Iterable[Entry], wishes: Wishes) -> Report:
    """Not to be called within a transaction: lists are read by workers."""
    report, seen = Report(), set[tuple[Kind, str]]()
    by_kind: dict[Kind, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind is Kind.COMMENT:
            report.comments += 1
            continue
        if entry.problem:
            report.refused.append(Told(entry, entry.problem))
            continue
        if (entry.kind, entry.value) in seen:
            report.repeated += 1
            continue
        seen.add((entry.kind, entry.value))
        report.notes += [Told(entry, note) for note in entry.notes]
        by_kind[entry.kind].append(entry)
    _archive(owner, by_kind[Kind.ARCHIVED], wishes, report)
    _links(owner, by_kind[Kind.LINK], wishes, report)
    _lists(owner, by_kind[Kind.LIST], wishes, report)
    return report


def _archive(owner: User, entries: list[Entry], wishes: Wishes, report: Report) -> None:
    good = []
    for entry in entries:
        if archive.key_of(*entry.value.partition(" ")[::2]):
            good.append(entry.value.strip())
        else:
            report.refused.append(Told(entry, "This is no line of an archive: a site, a space and an id."))
    keys = [archive.key_of(*line.partition(" ")[::2]) for line in good]
    report.known = len(archive.known(owner, keys))
    report.archived = len(set(keys)) - report.known
    if good and not wishes.is_rehearsal:
        archive.add_lines(owner, "\n".join(good), field="file")


def _links(owner: User, entries: list[Entry], wishes: Wishes, report: Report) -> None:
    by_options: dict[Options, list[Entry]] = defaultdict(list)
    for entry in entries:
        options = Options(path_template=batch_services.PATH_TEMPLATE, **entry.options)
        try:
            services.prepared(owner, Submission(url=entry.value, options=options), api_key=None)
        except ValueRefused as refusal:
            report.refused.append(Told(entry, str(refusal)))
        else:
            by_options[options].append(entry)
    for options, same in by_options.items():
        for start in range(0, len(same), LINKS_OF_A_BATCH):
            _batch(owner, same[start : start + LINKS_OF_A_BATCH], options, wishes, report)


def _batch(owner: User, entries: list[Entry], options: Options, wishes: Wishes, report: Report) -> None:
    if not wishes.is_rehearsal:
        links = tuple(Link(entry.value, entry.place) for entry in entries)
        try:
            batch = batch_services.submit_batch(owner, BatchSubmission(links=links, options=options))
        except (QueueFull, QuotaExceeded, ValuesRefused) as refusal:
            report.refused += [Told(entry, str(refusal)) for entry in entries]
            return
        report.batches.append(batch.public_id)
    report.links += len(entries)


def _lists(owner: User, entries: list[Entry], wishes: Wishes, report: Report) -> None:
    for entry in entries:
        if not wishes.latest:
            report.refused.append(Told(entry, "A list: say with --latest how many of its newest entries to download."))
            continue
        submission = ListSubmission(
            kind=BatchKind.CHANNEL,
            url=entry.value,
            options=Options(path_template=LIST_TEMPLATE, **entry.options),
            max_downloads=wishes.latest,
        )
        try:
            services.prepared(owner, Submission(url=entry.value, options=submission.options), api_key=None)
            if not wishes.is_rehearsal:
                report.batches.append(playlists.submit_list(owner, submission).public_id)
        except (ValueRefused, QueueFull, QuotaExceeded) as refusal:
            report.refused.append(Told(entry, str(refusal)))
        else:
            report.lists += 1
