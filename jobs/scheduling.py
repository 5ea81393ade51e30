"""Which queued job is next. Decides only: the claim itself is `lifecycle.claim`, inside the same transaction."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import allowances
from jobs import circuit
from jobs.models import Job
from jobs.states import State

# Any numbers that no other advisory lock of this database uses.
CLAIM_LOCK = 0x6D65646961
SUBMISSION_LOCK = CLAIM_LOCK + 1
QUESTION_LOCK = CLAIM_LOCK + 2

CLOCKS_DIFFER = timedelta(minutes=1)  # more than those of hosts should; more than a job waits for room, too


def serialise_claims() -> None:
    """Let one claim at a time decide, so that limits over several jobs hold exactly. Lasts until the transaction ends.

    SQLite does so by itself: its transactions begin IMMEDIATE.
    """
    _serialise(CLAIM_LOCK)


def serialise_submissions() -> None:
    """The same for those who submit: what one of them stores, the next one counts."""
    _serialise(SUBMISSION_LOCK)


def serialise_questions() -> None:
    """The same for those who ask for pages to be read."""
    _serialise(QUESTION_LOCK)


def next_job(host: str) -> Job | None:
    """The job that a worker on `host` should run now; None when nothing may run or the host's slots are taken.

    What its site, its batch or its caller's allowance has no room for is passed over; so is what a site has that is
    spared (`circuit`). Of the rest, the owner who has the fewest running jobs is next, so that a thousand jobs of one
    do not starve another's one; among an owner's jobs, the highest priority, then the one that waits longest.
    """
    running = Running.now()
    if running.on_worker_host[host] >= settings.MAX_CONCURRENT_DOWNLOADS:
        return None
    spared = circuit.spared()
    full = {*spared.held, *running.full_sites(), *running.busy_sites(spared.slowed)}
    waiting = _queued().exclude(host__in=full).exclude(batch__in=running.full_batches())
    waiting = waiting.exclude(owner__in=running.full_owners()).exclude(api_key__in=running.full_keys())
    owners = set(waiting.order_by().values_list("owner", flat=True).distinct())
    if not owners:
        return None
    preferred = waiting.filter(owner__in=running.least_served(owners))
    return preferred.order_by("-priority", "queued_at", "id").first()


def due() -> QuerySet[Job]:
    """Queued jobs whose retry pause, if any, is over, and whose site is not held."""
    return _queued().exclude(host__in=list(circuit.spared().held))


def _queued() -> QuerySet[Job]:
    """Those that may start. One whose pause seems longer than any is waits no more: the clock was set back."""
    now = timezone.now()
    never = timedelta(seconds=settings.RETRY_DELAY_MAX) + CLOCKS_DIFFER
    is_over = Q(not_before__isnull=True) | Q(not_before__lte=now) | Q(not_before__gt=now + never)
    return Job.objects.filter(is_over, state=State.QUEUED)


@dataclass(frozen=True)
class Running:
    """The running jobs of the whole installation, counted. There are never more of them than workers."""

    on_worker_host: Counter[str] = field(default_factory=Counter)
    of_owner: Counter[int] = field(default_factory=Counter)
    at_site: Counter[str] = field(default_factory=Counter)
    of_batch: Counter[int] = field(default_factory=Counter)
    batch_limits: dict[int, int] = field(default_factory=dict)
    owner_limits: dict[int, int | None] = field(default_factory=dict)
    of_key: Counter[int] = field(default_factory=Counter)
    key_limits: dict[int, int] = field(default_factory=dict)

    @classmethod
    def now(cls) -> "Running":
        """As committed, and as this transaction changed it."""
        counted = cls()
        jobs = Job.objects.filter(state=State.RUNNING).order_by()
        columns = ("worker_host", "owner_id", "host", "batch_id", "batch__concurrent_limit")
        allowed = ("owner__max_running_jobs", "api_key_id", "api_key__max_running_jobs")
        for worker_host, owner, site, batch, limit, own, key, of_key in jobs.values_list(*columns, *allowed):
            counted.on_worker_host[worker_host] += 1
            counted.of_owner[owner] += 1
            counted.owner_limits[owner] = allowances.running_jobs(own)
            counted.at_site[site] += 1
            if key is not None and of_key:
                counted.of_key[key] += 1
                counted.key_limits[key] = of_key
            if batch is not None and limit is not None:
                counted.of_batch[batch] += 1
                counted.batch_limits[batch] = limit
        return counted

    def full_sites(self) -> list[str]:
        """Host names of links from which no more downloads may run at once."""
        limit = settings.MAX_DOWNLOADS_PER_HOST
        return [site for site, jobs in self.at_site.items() if limit and jobs >= limit]

    def busy_sites(self, slowed: Iterable[str]) -> list[str]:
        """Those of the slowed sites from which a download runs already."""
        return [site for site in slowed if self.at_site[site]]

    def full_batches(self) -> list[int]:
        """Batches of which no more jobs may run at once."""
        return [batch for batch, jobs in self.of_batch.items() if jobs >= self.batch_limits[batch]]

    def full_owners(self) -> list[int]:
        """Owners who have as many running jobs as they may."""
        limits = self.owner_limits
        return [owner for owner, jobs in self.of_owner.items() if jobs >= (limits[owner] or jobs + 1)]

    def full_keys(self) -> list[int]:
        """API keys that have as many running jobs as they may."""
        return [key for key, jobs in self.of_key.items() if jobs >= self.key_limits[key]]

    def least_served(self, owners: set[int]) -> list[int]:
        """Those of the owners who have the fewest running jobs."""
        fewest = min(self.of_owner[owner] for owner in owners)
        return [owner for owner in owners if self.of_owner[owner] == fewest]


def _serialise(lock: int) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
