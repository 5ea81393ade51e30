from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from jobs import lifecycle
from jobs.lifecycle import IllegalMove, Lease
from jobs.models import Job
from jobs.states import State, Wish
from tests.factories import make_job

pytestmark = pytest.mark.django_db

LEASE = Lease(owner="worker:1:a", host="worker", seconds=15)
OTHER = Lease(owner="worker:2:b", host="worker", seconds=15)


def claimed(owner: User, **fields: Any) -> Job:
    job = make_job(owner, **fields)
    assert lifecycle.claim(job, LEASE)
    return job


def test_create_queues_the_job_and_writes_its_first_event(owner: User) -> None:
    job = lifecycle.create(Job(owner=owner, url="http://a.example/v", host="a.example", state=State.FAILED))

    assert job.state == State.QUEUED
    assert [(event.source, event.target) for event in job.events.all()] == [("", "queued")]


def test_claim_leases_the_job_and_counts_the_attempt(owner: User) -> None:
    job = claimed(owner)

    assert (job.state, job.attempts, job.lease_owner, job.worker_host) == (State.RUNNING, 1, "worker:1:a", "worker")
    assert job.started_at is not None
    assert job.lease_expires_at is not None
    assert timezone.now() < job.lease_expires_at <= timezone.now() + timedelta(seconds=15)


def test_only_one_of_two_claims_wins(owner: User) -> None:
    job = make_job(owner)
    seen_earlier = Job.objects.get(pk=job.pk)

    assert lifecycle.claim(job, LEASE)
    assert not lifecycle.claim(seen_earlier, OTHER)

    assert seen_earlier.lease_owner == LEASE.owner
    assert job.events.filter(target=State.RUNNING).count() == 1


def test_a_second_attempt_keeps_the_first_start(owner: User) -> None:
    job = claimed(owner)
    first_start = job.started_at
    lifecycle.move(job, State.QUEUED, only_if=LEASE.held)

    lifecycle.claim(job, OTHER)

    assert job.attempts == 2
    assert job.started_at == first_start


def test_renew_stores_progress_and_prolongs_the_lease(owner: User) -> None:
    job = claimed(owner)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())

    assert lifecycle.renew(job, LEASE, {"percent": 40.0})

    job.refresh_from_db()
    assert job.percent == 40
    assert job.lease_expires_at is not None
    assert job.lease_expires_at > timezone.now() + timedelta(seconds=10)


def test_renew_refuses_a_worker_that_lost_its_lease(owner: User) -> None:
    job = claimed(owner)

    assert not lifecycle.renew(job, OTHER, {"percent": 40.0})
    assert lifecycle.wish_of(job, OTHER) is None

    job.refresh_from_db()
    assert job.percent is None


def test_renew_reports_a_wish_by_storing_nothing(owner: User) -> None:
    job = claimed(owner)

    assert lifecycle.ask(job, Wish.PAUSE)

    assert not lifecycle.renew(job, LEASE, {"percent": 40.0})
    assert lifecycle.wish_of(job, LEASE) is Wish.PAUSE


def test_a_cancel_is_not_taken_back_by_a_later_pause(owner: User) -> None:
    job = claimed(owner)

    assert lifecycle.ask(job, Wish.CANCEL)
    assert not lifecycle.ask(job, Wish.PAUSE)

    assert lifecycle.wish_of(job, LEASE) is Wish.CANCEL


def test_nothing_can_be_asked_of_a_job_that_does_not_run(owner: User) -> None:
    assert not lifecycle.ask(make_job(owner), Wish.CANCEL)


def test_move_writes_the_event_with_its_reason_and_attempt(owner: User) -> None:
    job = claimed(owner)

    assert lifecycle.move(job, State.FAILED, only_if=LEASE.held, reason="not_found", error_code="not_found")

    event = job.events.last()
    assert event is not None
    assert (event.source, event.target, event.attempt, event.reason) == ("running", "failed", 1, "not_found")


def test_move_that_loses_the_race_changes_nothing_and_shows_what_happened(owner: User) -> None:
    job = claimed(owner)
    late = Job.objects.get(pk=job.pk)
    lifecycle.move(job, State.COMPLETED, only_if=LEASE.held)
    events = job.events.count()

    assert not lifecycle.move(late, State.CANCELLED)

    assert late.state == State.COMPLETED
    assert job.events.count() == events


def test_move_with_somebody_elses_lease_is_refused(owner: User) -> None:
    job = claimed(owner)

    assert not lifecycle.move(job, State.COMPLETED, only_if=OTHER.held)

    assert job.state == State.RUNNING


def test_an_edge_that_does_not_exist_is_a_defect(owner: User) -> None:
    with pytest.raises(IllegalMove, match="queued -> completed"):
        lifecycle.move(make_job(owner), State.COMPLETED)


@pytest.mark.parametrize("target", [State.COMPLETED, State.FAILED, State.CANCELLED])
def test_the_end_of_a_job_gives_back_its_lease_and_notes_the_time(owner: User, target: State) -> None:
    job = claimed(owner)

    lifecycle.move(job, target, only_if=LEASE.held)

    assert (job.lease_owner, job.lease_expires_at, job.worker_host, job.wish) == ("", None, "", "")
    assert job.completed_at is not None


def test_a_retry_of_an_ended_job_forgets_its_end(owner: User) -> None:
    job = make_job(owner, State.FAILED)

    lifecycle.move(job, State.QUEUED)

    assert job.completed_at is None


def test_the_database_refuses_a_running_job_without_a_lease(owner: User) -> None:
    with pytest.raises(IntegrityError, match="running_job_has_lease"):
        make_job(owner, State.RUNNING, lease_expires_at=None)


def test_giving_back_queues_the_job_with_the_changes(owner: User) -> None:
    job = claimed(owner)

    assert lifecycle.give_back(job, only_if=LEASE.held, reason="again", pinned_format="22")

    assert (job.state, job.pinned_format) == (State.QUEUED, "22")


@pytest.mark.parametrize(("wish", "state"), [(Wish.CANCEL, State.CANCELLED), (Wish.PAUSE, State.PAUSED)])
def test_giving_back_fulfils_a_wish_that_came_meanwhile(owner: User, wish: Wish, state: State) -> None:
    job = claimed(owner)
    lifecycle.ask(job, wish)

    assert lifecycle.give_back(job, only_if=LEASE.held, reason="again", pinned_format="22")

    assert (job.state, job.pinned_format) == (state, "")


def test_a_wish_that_comes_at_the_last_moment_is_not_lost(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(owner)
    move = lifecycle.move

    def move_late(job: Job, target: State, **options: Any) -> bool:
        if target is State.QUEUED:
            lifecycle.ask(job, Wish.CANCEL)
        return move(job, target, **options)

    monkeypatch.setattr(lifecycle, "move", move_late)

    assert lifecycle.give_back(job, only_if=LEASE.held, reason="again")
    assert job.state == State.CANCELLED


def test_giving_back_a_job_that_has_another_lease_changes_nothing(owner: User) -> None:
    job = claimed(owner)

    assert not lifecycle.give_back(job, only_if=OTHER.held, reason="again")

    assert job.state == State.RUNNING
