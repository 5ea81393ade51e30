"""Recurring chores: what runs how often. django-q2's own schedules are too coarse: they look twice a minute."""

from datetime import timedelta

from django.utils import timezone

from jobs.models import Chore
from jobs.queue.wakeups import WORK, run_soon

EVERY: dict[str, timedelta] = {
    WORK: timedelta(seconds=2),  # for retries that fall due, and for lost wake-ups
    "jobs.tasks.recover": timedelta(seconds=5),
    "jobs.tasks.expire": timedelta(seconds=20),
    "jobs.tasks.sweep": timedelta(minutes=10),
    "media_api.idempotency.clear_old": timedelta(hours=1),
}


def register() -> None:
    """Make sure that every chore has its row."""
    Chore.objects.bulk_create([Chore(name=name) for name in EVERY], ignore_conflicts=True)


def start_due() -> None:
    """Enqueue every chore that is due. Of several hosts that try, the one that moves the time on wins."""
    now = timezone.now()
    for name in Chore.objects.filter(due_at__lte=now, name__in=EVERY).values_list("name", flat=True):
        if Chore.objects.filter(name=name, due_at__lte=now).update(due_at=now + EVERY[name]):
            run_soon(name)
