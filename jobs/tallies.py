"""Counts what happens, for good: a restart loses nothing, and no count ever grows less.

Entries are written in the transaction of the change that they count, and added up by `fold`. Sites are counted apart
for METRICS_SITES of them, the others together. Which jobs there are now is not counted here: see `figures`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Sum
from django.utils import timezone

from jobs.models import Job, MediaFile, Tally, TallyEntry
from jobs.states import DeliveryState, State, Tallied

OTHER = "other"  # all sites that are not counted apart
INTERRUPTED = "interrupted"  # label of an attempt that ended with its worker, and not by a failure
RETRIED = "retried"  # label of an attempt at a message that another one follows
WAIT_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, float("inf"))  # seconds
SITE_IDLE = timedelta(hours=1)  # after which a site's place may go to another one
AT_ONCE = 5000


class Key(NamedTuple):
    kind: str
    site: str
    label: str


class Amount(NamedTuple):
    times: int = 0
    seconds: float = 0.0
    size_bytes: int = 0

    def plus(self, entry: TallyEntry) -> "Amount":
        return Amount(self.times + entry.times, self.seconds + entry.seconds, self.size_bytes + entry.size_bytes)


def submitted(jobs: Iterable[Job]) -> None:
    """Count new jobs."""
    _note_sites(Tallied.SUBMITTED, jobs)


def cancelled(jobs: Iterable[Job]) -> None:
    """Count jobs that were cancelled together."""
    _note_sites(Tallied.CANCELLED, jobs)


def moved(job: Job, source: State, *, waited_seconds: float) -> None:
    """Count a job's move from `source` to the state that it is in now, if that is counted.

    `waited_seconds` is for how long the job could have been started, before it was. Results are stored already.
    """
    target = State(job.state)
    if target is State.RUNNING:
        note(Tallied.STARTED, label=bucket(waited_seconds), seconds=waited_seconds)
    elif target is State.QUEUED and source is State.RUNNING:
        note(Tallied.RETRIED, site=job.host, label=job.error_code or INTERRUPTED)
    elif target is State.QUEUED and source is not State.PAUSED:
        note(Tallied.SUBMITTED, site=job.host)
    elif target is State.COMPLETED:
        took = job.duration() or timedelta()
        size = MediaFile.objects.filter(job=job, deleted_at__isnull=True).aggregate(sum=Sum("size_bytes"))["sum"]
        note(Tallied.COMPLETED, site=job.host, seconds=took.total_seconds(), size_bytes=size or 0)
    elif target is State.FAILED:
        note(Tallied.FAILED, site=job.host, label=job.error_code)
    elif target is State.CANCELLED:
        note(Tallied.CANCELLED, site=job.host)


def webhook_tried(state: DeliveryState | None, latency_ms: int | None) -> None:
    """Count an attempt at a message: `state` is where it brought it, none when another attempt follows."""
    note(Tallied.WEBHOOK, label=state or RETRIED, seconds=(latency_ms or 0) / 1000)


def note(kind: Tallied, *, site: str = "", label: str = "", seconds: float = 0.0, size_bytes: int = 0) -> None:
    """Count one event."""
    TallyEntry.objects.create(kind=kind, site=site, label=label, seconds=seconds, size_bytes=size_bytes)


def bucket(seconds: float) -> str:
    """The upper bound of the bucket that holds this wait."""
    return str(next(bound for bound in WAIT_BUCKETS if seconds <= bound))


def sums() -> dict[Key, Amount]:
    """All tallies, as one statement saw them. Of all sites together under the site ""."""
    rows = Tally.objects.values_list("kind", "site", "label", "times", "seconds", "size_bytes")
    return {Key(kind, site, label): Amount(times, seconds, size) for kind, site, label, times, seconds, size in rows}


def unfolded() -> bool:
    """Whether something waits to be added up."""
    return TallyEntry.objects.exists()


def fold() -> int:
    """Add what was noted to the tallies. Returns how many entries that were; safe to run twice at once."""
    folded = 0
    while some := _fold_some():
        folded += some
    return folded


@transaction.atomic
def _fold_some() -> int:
    """Each entry is added once: whoever reads it has it locked, and deletes it in the same transaction."""
    entries = list(TallyEntry.objects.select_for_update(skip_locked=True).order_by("id")[:AT_ONCE])
    if not entries:
        return 0
    now = timezone.now()
    names = _names({entry.site for entry in entries if entry.site}, now)
    amounts: defaultdict[Key, Amount] = defaultdict(Amount)
    for entry in entries:
        for site in {"", names.get(entry.site, "")}:
            key = Key(entry.kind, site, entry.label)
            amounts[key] = amounts[key].plus(entry)
    for key in sorted(amounts):  # always in this order, so that no two wait for each other
        _add(key, amounts[key], now)
    TallyEntry.objects.filter(pk__in=[entry.pk for entry in entries]).delete()
    return len(entries)


def _add(key: Key, amount: Amount, now: datetime) -> None:
    Tally.objects.get_or_create(**key._asdict(), defaults={"times": 0})
    Tally.objects.filter(**key._asdict()).update(
        times=F("times") + amount.times,
        seconds=F("seconds") + amount.seconds,
        size_bytes=F("size_bytes") + amount.size_bytes,
        changed_at=now,
    )


def _names(sites: set[str], now: datetime) -> dict[str, str]:
    """Under which name each site is counted: its own as long as there is room, else `OTHER`.

    A site that nothing was asked of for SITE_IDLE gives way, with its tallies. What it had is never added to OTHER,
    whose sums must not jump; in those of all sites it stays.
    """
    rows = Tally.objects.exclude(site__in=("", OTHER)).order_by()
    idle_since: dict[str, datetime] = dict(rows.values_list("site").annotate(last=Max("changed_at")))
    names = {site: site for site in sites if site in idle_since}
    leaving = sorted((since, site) for site, since in idle_since.items() if site not in sites)
    leaving = [(since, site) for since, site in leaving if since < now - SITE_IDLE]
    taken = len(idle_since)
    for site in sorted(sites - set(names)):
        if taken >= settings.METRICS_SITES and leaving:
            Tally.objects.filter(site=leaving.pop(0)[1]).delete()
            taken -= 1
        if taken < settings.METRICS_SITES:
            names[site] = site
            taken += 1
        else:
            names[site] = OTHER
    return names


def _note_sites(kind: Tallied, jobs: Iterable[Job]) -> None:
    sites: Sequence[tuple[str, int]] = sorted(Counter(job.host for job in jobs).items())
    TallyEntry.objects.bulk_create([TallyEntry(kind=kind, site=site, times=times) for site, times in sites])
