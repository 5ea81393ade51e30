"""Recurring chores: what runs how often, and whether there is anything to do.

django-q2's own schedules are too coarse: they look twice a minute. Asking first keeps an idle service idle.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from jobs import queries, queue, recovery, retention, scheduling
from jobs.models import Chore, Worker

SWEEP_SECONDS = 600.0
WORKERS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Recurring:
    """A task that is enqueued every so often, if there is a reason to."""

    task: str
    every: timedelta
    is_needed: Callable[[], bool] = lambda: True


CHORES = (
    # For retries that fall due, and for lost wake-ups.
    Recurring(queue.WORK, timedelta(seconds=2), lambda: scheduling.due().exists()),
    Recurring("jobs.tasks.recover", timedelta(seconds=5), lambda: queries.orphaned().exists()),
    Recurring("jobs.tasks.expire", timedelta(seconds=20), lambda: queries.expired().exists()),
    Recurring("jobs.tasks.sweep", timedelta(minutes=10)),
    Recurring("media_api.idempotency.clear_old", timedelta(hours=1)),
)


def register() -> None:
    """Make sure that every chore has its row."""
    Chore.objects.bulk_create([Chore(name=chore.task) for chore in CHORES], ignore_conflicts=True)


def start_due() -> None:
    """Enqueue every chore that is due and needed. Of several hosts that try, the one that moves the time on wins."""
    now = timezone.now()
    due = set(Chore.objects.filter(due_at__lte=now).values_list("name", flat=True))
    for chore in CHORES:
        if chore.task in due and chore.is_needed():
            _start(chore)


def start_worker() -> None:
    """Put right what the last workers left, before the first download starts."""
    register()
    recovery.recover_orphans()
    retention.expire_due()
    sweep_host()


def sweep_host() -> None:
    """What each host has to do itself: its work directories are its own."""
    retention.sweep_work_directories()
    Worker.objects.filter(seen_at__lt=timezone.now() - WORKERS_KEPT).delete()


class Clock:
    """Calls what is due; to be ticked about once a second by each worker host's main process."""

    def __init__(self) -> None:
        self._next_sweep = time.monotonic() + SWEEP_SECONDS

    def tick(self) -> None:
        """Start the chores of the whole installation, and sweep this host."""
        start_due()
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            sweep_host()


def _start(chore: Recurring) -> None:
    now = timezone.now()
    if Chore.objects.filter(name=chore.task, due_at__lte=now).update(due_at=now + chore.every):
        queue.run_soon(chore.task)
