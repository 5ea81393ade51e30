"""The state of a batch as its jobs move, by one at a time and by several at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from jobs import batches, lifecycle
from jobs.lifecycle import Lease
from jobs.models import Batch, Job
from jobs.states import State
from tests.factories import make_batch, make_job, make_user

pytestmark = pytest.mark.django_db
LEASE = Lease(owner="worker:1", host="worker", seconds=15)


def batch_of(owner: User, *states: State, **fields: Any) -> tuple[Batch, list[Job]]:
    batch = make_batch(owner, **fields)
    jobs = [make_job(owner, state, batch=batch, position=place) for place, state in enumerate(states, 1)]
    return batch, jobs


def state_of(batch: Batch) -> str:
    batch.refresh_from_db()
    return batch.state


def test_a_batch_runs_from_its_first_job_to_its_last(owner: User) -> None:
    batch, (first, second) = batch_of(owner, State.QUEUED, State.QUEUED)

    lifecycle.claim(first, LEASE)
    assert state_of(batch) == State.RUNNING
    assert batch.started_at is not None
    lifecycle.move(first, State.COMPLETED)
    assert state_of(batch) == State.RUNNING
    lifecycle.claim(second, LEASE)
    lifecycle.move(second, State.COMPLETED)

    assert state_of(batch) == State.COMPLETED
    assert batch.completed_at is not None


@pytest.mark.parametrize(
    ("others", "last", "verdict"),
    [
        ([State.COMPLETED, State.FAILED], State.COMPLETED, State.COMPLETED),
        ([State.EXPIRED], State.FAILED, State.COMPLETED),
        ([State.FAILED], State.FAILED, State.FAILED),
        ([State.CANCELLED], State.CANCELLED, State.CANCELLED),
        ([State.COMPLETED], State.CANCELLED, State.COMPLETED),
    ],
)
def test_the_batch_ends_as_its_jobs_did(owner: User, others: list[State], last: State, verdict: State) -> None:
    batch, jobs = batch_of(owner, *others, State.RUNNING, state=State.RUNNING)

    lifecycle.move(jobs[-1], last)

    assert state_of(batch) == verdict
    assert bool(batch.error) is (verdict is State.FAILED)


@pytest.mark.parametrize("other", [State.QUEUED, State.RUNNING, State.PAUSED])
def test_what_is_not_over_keeps_the_batch_open(owner: User, other: State) -> None:
    batch, (running, _) = batch_of(owner, State.RUNNING, other, state=State.RUNNING)

    lifecycle.move(running, State.COMPLETED)

    assert state_of(batch) == State.RUNNING


def test_a_batch_whose_list_is_still_read_stays_open(owner: User) -> None:
    batch, (running,) = batch_of(owner, State.RUNNING, state=State.RUNNING, is_expanded=False)

    lifecycle.move(running, State.COMPLETED)

    assert state_of(batch) == State.RUNNING


def test_a_retried_job_opens_the_batch_again(owner: User) -> None:
    batch, (failed,) = batch_of(owner, State.RUNNING, state=State.RUNNING)
    lifecycle.move(failed, State.FAILED)
    assert state_of(batch) == State.FAILED

    lifecycle.move(failed, State.QUEUED)

    assert state_of(batch) in (State.QUEUED, State.RUNNING)
    assert (batch.completed_at, batch.error) == (None, "")
    lifecycle.claim(failed, LEASE)
    lifecycle.move(failed, State.COMPLETED)
    assert state_of(batch) == State.COMPLETED


def test_an_error_stops_a_batch_that_wants_it(owner: User) -> None:
    states = (State.RUNNING, State.RUNNING, State.QUEUED, State.PAUSED, State.COMPLETED)
    batch, jobs = batch_of(owner, *states, state=State.RUNNING, stop_on_error=True)

    lifecycle.move(jobs[0], State.FAILED, error="The site wants a login.")

    assert [Job.objects.get(pk=job.pk).state for job in jobs[1:]] == ["running", "cancelled", "cancelled", "completed"]
    assert state_of(batch) == State.RUNNING
    assert jobs[2].events.get().reason == f"{jobs[0].public_id} failed"
    lifecycle.move(jobs[1], State.COMPLETED)
    assert state_of(batch) == State.FAILED
    assert jobs[0].public_id in batch.error
    assert "login" in batch.error


def test_an_error_stops_no_other_batch(owner: User) -> None:
    batch, jobs = batch_of(owner, State.RUNNING, State.QUEUED, state=State.RUNNING)

    lifecycle.move(jobs[0], State.FAILED)

    jobs[1].refresh_from_db()
    assert jobs[1].state == State.QUEUED
    assert state_of(batch) == State.RUNNING


def test_settling_tells_once_that_the_batch_ended(owner: User) -> None:
    batch, _ = batch_of(owner, State.COMPLETED, state=State.RUNNING)

    assert batches.settle(batches.hold(batch.pk))
    assert not batches.settle(batches.hold(batch.pk))


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What the acts return, each in a thread and a connection of its own, begun at the same moment."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result() for done in [pool.submit(run, act) for act in acts]]


@pytest.mark.django_db(transaction=True)
def test_of_jobs_that_end_at_the_same_moment_one_settles_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[bool] = []
    settle = batches.settle
    monkeypatch.setattr(batches, "settle", lambda batch: settled.append(settle(batch)))
    for _ in range(5):
        batch, jobs = batch_of(make_user(), *[State.RUNNING] * 4, state=State.RUNNING)
        settled.clear()

        at_once(*[lambda job=job: lifecycle.move(job, State.COMPLETED) for job in jobs])

        assert state_of(batch) == State.COMPLETED
        assert settled.count(True) == 1


@pytest.mark.django_db(transaction=True)
def test_claims_ends_stops_and_retries_at_once_never_lock_each_other_out() -> None:
    owner = make_user()
    for _ in range(5):
        states = [State.RUNNING, State.RUNNING, State.QUEUED, State.QUEUED, State.QUEUED, State.CANCELLED]
        batch, jobs = batch_of(owner, *states, stop_on_error=True)

        at_once(
            lambda jobs=jobs: lifecycle.move(jobs[0], State.FAILED),
            lambda jobs=jobs: lifecycle.move(jobs[1], State.COMPLETED),
            lambda jobs=jobs: lifecycle.claim(jobs[2], LEASE),
            lambda jobs=jobs: lifecycle.move(jobs[3], State.CANCELLED),
            lambda jobs=jobs: lifecycle.move(jobs[4], State.PAUSED),
            lambda jobs=jobs: lifecycle.move(jobs[5], State.QUEUED),
        )

        for job in Job.objects.filter(batch=batch):
            if job.state in (State.RUNNING, State.QUEUED, State.PAUSED):
                lifecycle.move(job, State.CANCELLED)
        assert state_of(batch) == State.FAILED
