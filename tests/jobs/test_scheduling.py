from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from jobs import execution, queue, scheduling
from jobs.models import Job
from jobs.states import State
from tests.factories import make_batch, make_job, make_user

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


def test_a_pause_longer_than_any_is_over_since_the_clock_was_set_back(owner: User, settings: Settings) -> None:
    settings.RETRY_DELAY_MAX = 600
    job = make_job(owner, not_before=timezone.now() + timedelta(hours=1))

    assert list(scheduling.due()) == [job]
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


def test_a_site_is_asked_for_no_more_than_its_limit_on_all_worker_hosts_together(
    owner: User, settings: Settings
) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 2
    make_job(owner, State.RUNNING, host="busy.example", worker_host="one")
    make_job(owner, State.RUNNING, host="busy.example", worker_host="two")
    make_job(owner, host="busy.example", priority=9)
    assert scheduling.next_job("one") is None

    other = make_job(owner, host="idle.example", priority=0)

    assert scheduling.next_job("one") == other


def test_no_limit_for_a_site_is_zero(owner: User, settings: Settings) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 0
    for _ in range(5):
        make_job(owner, State.RUNNING, host="busy.example", worker_host="one")
    waiting = make_job(owner, host="busy.example")

    assert scheduling.next_job("two") == waiting


def test_a_batch_runs_no_more_than_its_limit_and_keeps_nothing_else_waiting(owner: User, settings: Settings) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 0
    batch = make_batch(owner, concurrent_limit=2)
    for position in (1, 2):
        make_job(owner, State.RUNNING, batch=batch, position=position, worker_host="one")
    make_job(owner, batch=batch, position=3, priority=9)
    assert scheduling.next_job("one") is None

    alone = make_job(owner, priority=0)

    assert scheduling.next_job("one") == alone


def test_a_batch_without_a_limit_has_none(owner: User, settings: Settings) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 0
    batch = make_batch(owner)
    for position in range(1, 6):
        make_job(owner, State.RUNNING, batch=batch, position=position, worker_host="one")
    waiting = make_job(owner, batch=batch, position=6)

    assert scheduling.next_job("two") == waiting


def test_an_owner_whose_jobs_cannot_run_keeps_no_other_from_it(owner: User, settings: Settings) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 1
    make_job(make_user(), State.RUNNING, host="busy.example", worker_host="one")
    make_job(owner, host="busy.example")
    served = make_user()
    make_job(served, State.RUNNING, host="third.example", worker_host="one")

    waiting = make_job(served, host="idle.example")

    assert scheduling.next_job("one") == waiting


def test_choosing_among_thousands_reads_little(owner: User, django_assert_max_num_queries: Any) -> None:
    make_job(owner, State.RUNNING, host="busy.example", worker_host="one")
    jobs = [Job(owner=owner, url="http://busy.example/v", host="busy.example") for _ in range(2000)]
    Job.objects.bulk_create(jobs)

    with django_assert_max_num_queries(4):
        assert scheduling.next_job("one") is not None


@pytest.mark.django_db(transaction=True)
def test_claims_at_the_same_moment_keep_to_the_limits(settings: Settings) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 3
    settings.MAX_CONCURRENT_DOWNLOADS = 20
    owner = make_user()
    batch = make_batch(owner, concurrent_limit=2)
    for position in range(1, 7):
        make_job(owner, batch=batch, position=position, host="one.example")
        make_job(owner, host="one.example")
    start = Barrier(8)

    def claim() -> None:
        start.wait()
        try:
            execution.claim_next()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(claim) for _ in range(8)]:
            done.result()

    running = Job.objects.filter(state=State.RUNNING)
    assert running.count() == 3
    assert running.filter(batch=batch).count() <= 2


@pytest.mark.parametrize(("waiting", "wakeups"), [(1, 0), (2, 1), (5, 1)])
def test_who_takes_a_job_wakes_another_worker_if_more_may_run(
    owner: User,
    waiting: int,
    wakeups: int,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(queue, "wake", lambda: calls.append("wake"))
    for _ in range(waiting):
        make_job(owner)

    with django_capture_on_commit_callbacks(execute=True):
        assert execution.claim_next() is not None

    assert len(calls) == wakeups


def test_nobody_is_woken_for_what_may_not_run(
    owner: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 1
    monkeypatch.setattr(queue, "wake", lambda: pytest.fail("woken for nothing"))
    make_job(owner)
    make_job(owner)

    with django_capture_on_commit_callbacks(execute=True):
        assert execution.claim_next() is not None
