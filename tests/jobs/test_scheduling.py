from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import scheduling
from jobs.states import State
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def test_the_job_that_waits_longest_is_next(owner: User) -> None:
    now = timezone.now()
    make_job(owner, queued_at=now)
    oldest = make_job(owner, queued_at=now - timedelta(hours=1))

    assert scheduling.next_job("host") == oldest


def test_priority_goes_before_waiting_time(owner: User) -> None:
    make_job(owner, queued_at=timezone.now() - timedelta(hours=1))
    urgent = make_job(owner, priority=9)

    assert scheduling.next_job("host") == urgent


def test_a_retry_waits_for_its_time(owner: User) -> None:
    job = make_job(owner, not_before=timezone.now() + timedelta(minutes=1))
    assert scheduling.next_job("host") is None

    job.not_before = timezone.now() - timedelta(seconds=1)
    job.save(update_fields=["not_before"])
    assert scheduling.next_job("host") == job


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_only_queued_jobs_are_due(owner: User, state: State) -> None:
    make_job(owner, state)

    assert scheduling.next_job("host") is None


def test_a_host_runs_no_more_than_its_slots(owner: User, settings: Settings) -> None:
    settings.MAX_CONCURRENT_DOWNLOADS = 1
    make_job(owner, State.RUNNING, worker_host="busy")
    waiting = make_job(owner)

    assert scheduling.next_job("busy") is None
    assert scheduling.next_job("idle") == waiting


def test_many_jobs_of_one_owner_do_not_starve_another(owner: User) -> None:
    make_job(owner, State.RUNNING, worker_host="elsewhere")
    make_job(owner, priority=9, queued_at=timezone.now() - timedelta(hours=1))
    newcomer = make_job(priority=0)

    assert scheduling.next_job("host") == newcomer


def test_owners_who_run_equally_much_are_served_by_priority_and_waiting_time(owner: User) -> None:
    make_job(queued_at=timezone.now() - timedelta(hours=1))
    urgent = make_job(owner, priority=9)

    assert scheduling.next_job("host") == urgent
