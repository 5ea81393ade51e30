from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import lifecycle, recovery, storage
from jobs.lifecycle import Lease
from jobs.models import Job
from jobs.states import State, Wish
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def orphan(owner: User, **fields: object) -> Job:
    return make_job(owner, State.RUNNING, **{"lease_expires_at": timezone.now() - timedelta(seconds=1), **fields})


def test_a_job_whose_worker_died_is_queued_again(owner: User) -> None:
    job = orphan(owner)

    assert recovery.recover_orphans() == 1

    job.refresh_from_db()
    assert (job.state, job.lease_owner) == (State.QUEUED, "")


def test_a_job_with_a_living_lease_is_left_alone(owner: User) -> None:
    job = make_job(owner, State.RUNNING)

    assert recovery.recover_orphans() == 0

    job.refresh_from_db()
    assert job.state == State.RUNNING


@pytest.mark.parametrize(("wish", "state"), [(Wish.CANCEL, State.CANCELLED), (Wish.PAUSE, State.PAUSED)])
def test_what_was_asked_of_the_dead_worker_is_done(owner: User, wish: Wish, state: State) -> None:
    job = orphan(owner, wish=wish)

    recovery.recover_orphans()

    job.refresh_from_db()
    assert job.state == state


def test_a_job_that_kills_its_worker_each_time_fails_in_the_end(owner: User, settings: Settings) -> None:
    settings.MAX_ATTEMPTS = 3
    job = orphan(owner, attempts=3)

    recovery.recover_orphans()

    job.refresh_from_db()
    assert (job.state, job.error_code) == (State.FAILED, "internal")
    assert job.error


def test_a_job_that_fails_for_its_dead_workers_leaves_no_directory(owner: User, settings: Settings) -> None:
    settings.MAX_ATTEMPTS = 3
    job = orphan(owner, attempts=3)
    directory = storage.make_work_directory(job.public_id)

    recovery.recover_orphans()

    assert not directory.exists()


def test_a_clock_that_was_set_back_keeps_no_dead_worker_alive(owner: User) -> None:
    job = orphan(owner, lease_expires_at=timezone.now() + timedelta(hours=1))

    assert recovery.recover_orphans() == 1

    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_of_two_recoveries_the_late_one_leaves_the_new_lease_alone(owner: User) -> None:
    job = orphan(owner)
    seen_by_both = [Job.objects.get(pk=job.pk) for _ in range(2)]
    assert recovery._recover(seen_by_both[0])
    lifecycle.claim(Job.objects.get(pk=job.pk), Lease(owner="new", host="worker", seconds=15))

    assert not recovery._recover(seen_by_both[1])

    job.refresh_from_db()
    assert (job.state, job.lease_owner) == (State.RUNNING, "new")


def test_a_lease_that_was_renewed_late_is_not_stolen(owner: User) -> None:
    job = orphan(owner)
    seen = Job.objects.get(pk=job.pk)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() + timedelta(seconds=15))

    assert not recovery._recover(seen)
