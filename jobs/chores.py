"""Recurring chores: what runs how often, and whether there is anything to do.

django-q2's own schedules are too coarse: they look twice a minute. Asking first keeps an idle service idle.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from jobs import canaries, expansion, queries, queue, recovery, retention, room, samples, scheduling, tallies
from jobs.extraction import running, upkeep
from jobs.models import Chore, Worker
from jobs.webhooks import delivery, outbox

SWEEP_SECONDS = 30.0
WORKERS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Recurring:
    """A task that is enqueued every so often, if there is a reason to."""

    task: str
    every: timedelta
    is_needed: Callable[[], bool] = lambda: True

    def is_due(self, due_at: datetime) -> bool:
        """Whether its time has come. It is never further away than its interval, unless the clock was set back."""
        now = timezone.now()
        return not now < due_at <= now + self.every


CHORES = (
    # For retries that fall due, and for lost wake-ups.
    Recurring(queue.WORK, timedelta(seconds=2), lambda: running.waiting() or scheduling.due().exists()),
    Recurring("jobs.tasks.recover", timedelta(seconds=5), lambda: upkeep.orphaned().exists()),
    # For lists whose worker died when it had read them.
    Recurring("jobs.tasks.expand", timedelta(seconds=5), lambda: expansion.unexpanded().exists()),
    # For attempts that fall due, and for lost wake-ups.
    Recurring(outbox.DELIVER, timedelta(seconds=1), lambda: delivery.due().exists()),
    Recurring("jobs.tasks.clear_deliveries", timedelta(hours=1)),
    Recurring("jobs.tasks.clear_extractions", timedelta(seconds=30), upkeep.has_old),
    Recurring("jobs.tasks.expire", timedelta(seconds=20), lambda: queries.expired().exists()),
    Recurring("jobs.tasks.clean_up", timedelta(seconds=10), lambda: room.excess_bytes() > 0),
    Recurring("jobs.tasks.fold_tallies", timedelta(seconds=10), tallies.unfolded),
    Recurring("jobs.tasks.sweep", timedelta(minutes=10)),
    Recurring("jobs.tasks.probe", timedelta(seconds=10), canaries.is_needed),
    Recurring("jobs.tasks.sample", samples.EVERY),
    Recurring("media_api.retention.forget_old_answers", timedelta(hours=1)),
)


def register() -> None:
    """Make sure that every chore has its row."""
    Chore.objects.bulk_create([Chore(name=chore.task) for chore in CHORES], ignore_conflicts=True)


def start_due() -> None:
    """Enqueue every chore that is due and needed. Of several hosts that try, the one that moves the time on wins."""
    due_at = dict(Chore.objects.values_list("name", "due_at"))
    for chore in CHORES:
        if chore.task in due_at and chore.is_due(due_at[chore.task]) and chore.is_needed():
            _start(chore, due_at[chore.task])


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
        """Start the chores of the whole installation, take jobs from the dead, and sweep this host.

        That is done here and not by the pool, which may be what died.
        """
        start_due()
        recovery.recover_orphans()
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            sweep_host()


def _start(chore: Recurring, due_at: datetime) -> None:
    if Chore.objects.filter(name=chore.task, due_at=due_at).update(due_at=timezone.now() + chore.every):
        queue.run_soon(chore.task)
