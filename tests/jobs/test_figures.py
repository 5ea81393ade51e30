from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from jobs import figures
from jobs.models import Worker
from jobs.states import DeliveryState, ExtractionState, State
from tests.factories import make_delivery, make_extraction, make_file, make_job


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def test_the_queue_tells_what_could_start_from_what_pauses(owner: User) -> None:
    make_job(owner, queued_at=ago(60))
    make_job(owner, queued_at=ago(500), not_before=ago(90))
    make_job(owner, queued_at=ago(900), not_before=ago(-60))
    make_job(owner, State.PAUSED)
    make_job(owner, State.RUNNING)
    make_extraction(owner, state=ExtractionState.RUNNING)
    make_extraction(owner)
    make_extraction(owner, state=ExtractionState.COMPLETED)

    queue = figures.queue()

    assert (queue.waiting, queue.ready, queue.running) == (3, 2, {"worker": 1})
    assert queue.oldest_seconds == pytest.approx(90, abs=2)
    assert (queue.pages_waiting, queue.pages_running) == (1, 1)


@pytest.mark.django_db
def test_an_empty_queue_has_no_age() -> None:
    assert figures.queue() == figures.Queue(waiting=0, ready=0, oldest_seconds=0.0)


def test_each_state_has_its_number_of_jobs(owner: User) -> None:
    make_job(owner, State.FAILED)
    make_job(owner, State.FAILED)

    assert figures.jobs_by_state() == {state.value: 2 if state is State.FAILED else 0 for state in State}


@pytest.mark.django_db
def test_workers_are_alive_for_half_a_minute_and_shown_for_an_hour() -> None:
    for name, seconds in (("a", 5), ("b", 300), ("c", 4000)):
        Worker.objects.create(
            name=f"{name}:1", host=name, slots=3, seen_at=ago(seconds), tools={"yt_dlp": "2026.10.26"}
        )

    workers = figures.workers()

    assert [(worker.host, worker.is_alive) for worker in workers] == [("a", True), ("b", False)]
    assert workers[0].silent_seconds == pytest.approx(5, abs=2)


def test_only_results_that_are_kept_count_as_stored(owner: User) -> None:
    job = make_job(owner, State.COMPLETED)
    make_file(job, size_bytes=5_000_000_000)
    make_file(job, size_bytes=7, deleted_at=timezone.now())

    stored = figures.stored()

    assert stored.used == 5_000_000_000
    assert 0 < stored.free < stored.total


def test_a_message_is_late_from_when_it_was_due(owner: User) -> None:
    make_delivery(owner, due_at=ago(100))
    make_delivery(owner, due_at=ago(-100))
    make_delivery(owner, due_at=ago(900), state=DeliveryState.DELIVERED)

    deliveries = figures.deliveries()

    assert deliveries.pending == 2
    assert deliveries.overdue_seconds == pytest.approx(100, abs=2)


@pytest.mark.parametrize(
    ("version", "days"),
    [("2026.10.26", 27), ("2026.10.26.232801.dev0", 27), ("2026.11.22", 0), ("stable", None), ("2026.13.40", None)],
)
def test_a_version_is_as_old_as_its_name_says(version: str, days: int | None) -> None:
    with time_machine.travel("2026-11-22T12:00:00Z"):
        assert figures.age_days(version) == days
