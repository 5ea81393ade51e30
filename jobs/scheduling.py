"""Which queued job is next. Decides only: the claim itself is `lifecycle.claim`, inside the same transaction."""

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from jobs.models import Job
from jobs.states import State

CLAIM_LOCK = 0x6D65646961  # any number that no other advisory lock of this database uses


def serialise_claims() -> None:
    """Let one claim at a time decide, so that limits over several jobs hold exactly. Lasts until the transaction ends.

    SQLite does so by itself: its transactions begin IMMEDIATE.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])


def next_job(host: str) -> Job | None:
    """The job that a worker on `host` should run now; None when nothing is due or the host's slots are taken.

    The owner who has the fewest running jobs is next, so that a thousand jobs of one do not starve another's one; among
    an owner's jobs, the highest priority, then the one that waits longest.
    """
    running = Job.objects.filter(state=State.RUNNING, worker_host=host).count()
    if running >= settings.MAX_CONCURRENT_DOWNLOADS:
        return None
    waiting = due()
    owners = set(waiting.order_by().values_list("owner", flat=True).distinct())
    if len(owners) > 1:
        waiting = waiting.filter(owner__in=least_served(owners))
    return waiting.order_by("-priority", "queued_at", "id").first()


def least_served(owners: set[int]) -> list[int]:
    """Those of the owners who have the fewest running jobs."""
    counts = Job.objects.filter(state=State.RUNNING, owner__in=owners).order_by().values_list("owner")
    running = dict(counts.annotate(jobs=Count("id")))
    fewest = min(running.get(owner, 0) for owner in owners)
    return [owner for owner in owners if running.get(owner, 0) == fewest]


def due() -> QuerySet[Job]:
    """Queued jobs whose retry pause, if any, is over."""
    return Job.objects.filter(Q(not_before__isnull=True) | Q(not_before__lte=timezone.now()), state=State.QUEUED)
