from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import recovery, storage
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


def test_sweep_deletes_directories_of_jobs_that_are_over_or_unknown(owner: User) -> None:
    live = [make_job(owner, state).public_id for state in (State.QUEUED, State.RUNNING, State.PAUSED)]
    over = [make_job(owner, State.COMPLETED).public_id, "req_nobody"]
    for name in [*live, *over]:
        storage.make_work_directory(name)

    recovery.sweep_work_directories()

    assert [storage.work_directory(name).exists() for name in live] == [True] * 3
    assert [storage.work_directory(name).exists() for name in over] == [False] * 2
