"""How the queue and the storage were, every few minutes: for curves over a day that rows of jobs do not tell."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from jobs import storage
from jobs.models import Job, MediaFile, QueueSample
from jobs.states import State

EVERY = timedelta(minutes=5)
KEPT = timedelta(days=8)


def take() -> QueueSample:
    """Look once, and forget what is older than KEPT."""
    now = timezone.now()
    QueueSample.objects.filter(at__lt=now - KEPT).delete()
    kept = MediaFile.objects.filter(deleted_at__isnull=True).order_by().aggregate(size=Sum("size_bytes"))
    return QueueSample.objects.create(
        at=now,
        queued=Job.objects.filter(state=State.QUEUED).count(),
        running=Job.objects.filter(state=State.RUNNING).count(),
        oldest_queued_seconds=oldest_queued_seconds(),
        stored_bytes=kept["size"] or 0,
        free_bytes=storage.free_bytes(),
    )


def oldest_queued_seconds() -> float:
    """How long the queued job waits that waits longest; 0 without any."""
    queued = Job.objects.filter(state=State.QUEUED).order_by("queued_at").values_list("queued_at", flat=True).first()
    return max((timezone.now() - queued).total_seconds(), 0.0) if queued else 0.0


def since(period: timedelta) -> Sequence[QueueSample]:
    """Those of the last so long, oldest first."""
    return list(QueueSample.objects.filter(at__gte=timezone.now() - period))
