"""Entry points of the workers. django-q2 finds them by their dotted names; each stays at a few lines."""

import time

from jobs import canaries, execution, expansion, queue, recovery, retention, room, samples, tallies, thumbnails
from jobs.extraction import running, upkeep
from jobs.models import Extraction
from jobs.queue import process
from jobs.states import ExtractionState
from jobs.webhooks import delivery, results

SLICE_SECONDS = 300


def work() -> None:
    """Run jobs until none is due, the worker is draining, or the slice is over: then another wake-up goes on."""
    process.show_life()
    deadline = time.monotonic() + SLICE_SECONDS
    while not process.is_draining() and _run_next():
        process.show_life()
        if process.is_draining() or time.monotonic() > deadline:
            queue.wake()
            return


def recover() -> None:
    process.show_life()
    recovery.recover_orphans()
    for extraction in upkeep.recover():
        _follow(extraction)


def deliver() -> None:
    process.show_life()
    delivery.deliver_due()


def clear_deliveries() -> None:
    process.show_life()
    results.clear_old()


def clear_extractions() -> None:
    process.show_life()
    upkeep.clear_old()


def expand() -> None:
    process.show_life()
    expansion.expand_all()


def expire() -> None:
    process.show_life()
    retention.expire_due()


def clean_up() -> None:
    process.show_life()
    room.clean_up()


def fold_tallies() -> None:
    process.show_life()
    tallies.fold()


def sweep() -> None:
    process.show_life()
    thumbnails.sweep()
    retention.sweep_strays()  # which fails while a remote store is away


def probe() -> None:
    process.show_life()
    canaries.run()


def sample() -> None:
    process.show_life()
    samples.take()


def _run_next() -> bool:
    """Pages first: somebody waits for them, and they are read in seconds. Whether there was anything to do."""
    extraction = running.run_next()
    if extraction is None:
        return execution.run_next()
    _follow(extraction)
    return True


def _follow(extraction: Extraction) -> None:
    """What is due when a page was read for a batch that is to grow from it."""
    if extraction.batch is None or extraction.state not in (ExtractionState.COMPLETED, ExtractionState.FAILED):
        return
    if not extraction.batch.is_expanded:
        expansion.follow(extraction.batch)
