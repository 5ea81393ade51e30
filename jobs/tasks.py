"""Entry points of the workers. django-q2 finds them by their dotted names; each stays at a few lines."""

import time

from jobs import execution, queue, recovery, retention
from jobs.queue import process

SLICE_SECONDS = 300


def work() -> None:
    """Run jobs until none is due, the worker is draining, or the slice is over: then another wake-up goes on."""
    process.show_life()
    deadline = time.monotonic() + SLICE_SECONDS
    while execution.run_next():
        process.show_life()
        if process.is_draining() or time.monotonic() > deadline:
            queue.wake()
            return


def recover() -> None:
    process.show_life()
    recovery.recover_orphans()


def expire() -> None:
    process.show_life()
    retention.expire_due()


def sweep() -> None:
    process.show_life()
    retention.sweep_strays()
