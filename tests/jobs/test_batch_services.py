"""What callers do with many downloads at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from jobs import batch_services, execution, lifecycle, queue, services, storage
from jobs.batch_services import BatchSubmission, Link
from jobs.engine.contract import Options
from jobs.errors import QueueFull, StateConflict, ValueRefused, ValuesRefused
from jobs.models import Batch, Extraction, Job
from jobs.states import BatchKind, ExtractionState, State, Wish
from tests.factories import make_batch, make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(queue, "wake_for", calls.append)
    return calls


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that could fulfil a wish."""
    monkeypatch.setattr(services, "STOP_DEADLINE_SECONDS", 0.0)


def submission(*urls: str, **fields: Any) -> BatchSubmission:
    links = tuple(Link(url, f"urls.{number}") for number, url in enumerate(urls))
    return BatchSubmission(links=links, options=Options(), **fields)


LEASE = {"lease_owner": "worker:1"}
LINKS = ("http://a.example/1", "http://b.example/2")


def test_a_batch_has_a_job_for_each_link_in_order(owner: User) -> None:
    batch = batch_services.submit_batch(owner, submission(*LINKS, concurrent_limit=2, priority=7, stop_on_error=True))

    jobs = list(batch.jobs.order_by("position"))
    assert [(job.url, job.host, job.position, job.priority, job.state) for job in jobs] == [
        ("http://a.example/1", "a.example", 1, 7, State.QUEUED),
        ("http://b.example/2", "b.example", 2, 7, State.QUEUED),
    ]
    assert {job.template_values["batch_id"] for job in jobs} == {batch.public_id}
    assert [event.target for job in jobs for event in job.events.all()] == [State.QUEUED] * 2
    assert (batch.kind, batch.concurrent_limit, batch.stop_on_error) == (BatchKind.LINKS, 2, True)


def test_as_many_workers_are_woken_as_may_run_at_once(
    owner: User, wakeups: list[int], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        batch_services.submit_batch(owner, submission(*[f"http://a.example/{n}" for n in range(5)], concurrent_limit=3))
        assert not wakeups

    assert wakeups == [3]


def test_every_refused_link_is_named_and_nothing_is_stored(owner: User) -> None:
    urls = (LINKS[0], "http://user:secret@a.example/", LINKS[1], "http://youtube.com/watch?v=1")

    with pytest.raises(ValuesRefused) as refused:
        batch_services.submit_batch(owner, submission(*urls))

    assert [one.field for one in refused.value.refusals] == ["urls.1", "urls.3"]
    assert not Batch.objects.exists()
    assert not Job.objects.exists()


def test_a_refused_line_of_a_file_is_named(owner: User) -> None:
    links = (Link(LINKS[0], "file", 1), Link("http://youtu.be/x", "file", 4))

    with pytest.raises(ValuesRefused) as refused:
        batch_services.submit_batch(owner, BatchSubmission(links=links, options=Options()))

    (one,) = refused.value.refusals
    assert one.field == "file"
    assert str(one).startswith("Line 4: ")


def test_a_full_queue_takes_all_or_none(owner: User, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 2
    make_job()

    with pytest.raises(QueueFull):
        batch_services.submit_batch(owner, submission(*LINKS))

    assert not Batch.objects.exists()
    assert Job.objects.count() == 1


def test_somebody_elses_cookies_are_refused_by_name(owner: User) -> None:
    with pytest.raises(ValueRefused) as refused:
        batch_services.submit_batch(owner, submission(*LINKS, cookies_id="cookie_unknown"))

    assert refused.value.field == "cookies_id"


def running_batch(owner: User, *states: State, **fields: Any) -> tuple[Batch, list[Job]]:
    batch = make_batch(owner, state=State.RUNNING, **fields)
    return batch, [make_job(owner, state, batch=batch, position=place) for place, state in enumerate(states, 1)]


def states_of(batch: Batch) -> list[str]:
    return list(batch.jobs.order_by("position").values_list("state", flat=True))


def test_cancel_ends_what_waits_and_asks_what_runs(owner: User) -> None:
    batch, jobs = running_batch(owner, State.QUEUED, State.PAUSED, State.RUNNING, State.COMPLETED, State.FAILED)
    storage.make_work_directory(jobs[1].public_id)

    number = batch_services.cancel_batch(batch)

    assert number == 3
    assert states_of(batch) == ["cancelled", "cancelled", "running", "completed", "failed"]
    assert Job.objects.get(pk=jobs[2].pk).wish == Wish.CANCEL
    assert (batch.state, batch.is_cancelled) == (State.RUNNING, True)
    assert not storage.work_directory(jobs[1].public_id).exists()
    assert jobs[0].events.get().target == State.CANCELLED


def test_a_batch_that_only_waits_is_cancelled_at_once(owner: User) -> None:
    batch, _ = running_batch(owner, State.QUEUED, State.QUEUED, State.COMPLETED)

    assert batch_services.cancel_batch(batch) == 2

    assert batch.state == State.CANCELLED
    assert batch.completed_at is not None


def test_cancel_ends_the_reading_of_a_list(owner: User) -> None:
    batch = make_batch(owner, kind=BatchKind.PLAYLIST, url="http://a.example/list", is_expanded=False)
    look = batch_services.read_list(batch)

    batch_services.cancel_batch(batch)

    look.refresh_from_db()
    assert batch.state == State.CANCELLED
    assert look.state == ExtractionState.CANCELLED


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELLED])
def test_what_is_over_cannot_be_cancelled(owner: User, state: State) -> None:
    batch = make_batch(owner, state=state)

    with pytest.raises(StateConflict):
        batch_services.cancel_batch(batch)


def test_cancelling_takes_few_queries_however_many_jobs_there_are(
    owner: User, django_assert_max_num_queries: Any
) -> None:
    batch, _ = running_batch(owner, *[State.QUEUED] * 40)

    with django_assert_max_num_queries(30):
        batch_services.cancel_batch(batch)

    assert states_of(batch) == ["cancelled"] * 40


def test_retry_queues_the_failed_ones_again(owner: User, wakeups: list[int]) -> None:
    batch, jobs = running_batch(owner, State.FAILED, State.COMPLETED, State.CANCELLED)
    Batch.objects.filter(pk=batch.pk).update(state=State.FAILED, error="1 of 3 downloads failed.")
    batch.refresh_from_db()

    assert batch_services.retry_batch(batch) == 1

    assert states_of(batch) == ["queued", "completed", "cancelled"]
    assert (batch.state in (State.QUEUED, State.RUNNING), batch.error) == (True, "")
    assert wakeups == [1]
    assert Job.objects.get(pk=jobs[0].pk).attempts == 0


@pytest.mark.parametrize("fields", [{"is_cancelled": True}, {"stop_on_error": True, "error": "Stopped because …"}])
def test_retry_takes_back_what_was_cancelled_with_the_batch(owner: User, fields: dict[str, Any]) -> None:
    batch, _ = running_batch(owner, State.FAILED, State.CANCELLED, **fields)
    Batch.objects.filter(pk=batch.pk).update(state=State.FAILED)
    batch.refresh_from_db()

    assert batch_services.retry_batch(batch) == 2

    assert states_of(batch) == ["queued", "queued"]
    assert not batch.is_cancelled


def test_a_batch_without_failures_has_nothing_to_retry(owner: User) -> None:
    batch, _ = running_batch(owner, State.COMPLETED, State.RUNNING)

    with pytest.raises(StateConflict):
        batch_services.retry_batch(batch)


def test_a_list_that_could_not_be_read_is_read_again(owner: User) -> None:
    url = "http://a.example/list"
    batch = make_batch(owner, kind=BatchKind.CHANNEL, url=url, state=State.FAILED, error="gone", selection={"read": ""})

    assert batch_services.retry_batch(batch) == 0

    assert (batch.state, batch.is_expanded, batch.error) == (State.QUEUED, False, "")
    assert Extraction.objects.get(batch=batch).state == ExtractionState.QUEUED


def test_other_owners_batches_stay_as_they_are(owner: User) -> None:
    batch, _ = running_batch(owner, State.QUEUED)
    other, _ = running_batch(make_user(), State.QUEUED)

    batch_services.cancel_batch(batch)

    assert states_of(other) == ["queued"]


@pytest.mark.django_db(transaction=True)
def test_no_job_escapes_a_cancel_by_being_claimed_or_given_back_meanwhile(settings: Settings) -> None:
    settings.MAX_DOWNLOADS_PER_HOST = 0
    owner = make_user()
    for _ in range(5):
        batch, jobs = running_batch(owner, *[State.RUNNING] * 2, *[State.QUEUED] * 4, *[State.PAUSED] * 2)
        start = Barrier(6)

        def at_once(act: Callable[[], Any], start: Barrier = start) -> None:
            start.wait()
            try:
                act()
            finally:
                connection.close()

        acts: list[Callable[[], Any]] = [
            lambda batch=batch: batch_services.cancel_batch(Batch.objects.get(pk=batch.pk)),
            execution.claim_next,
            execution.claim_next,
            lambda job=jobs[0]: lifecycle.give_back(job, only_if=LEASE, reason="again"),
            lambda job=jobs[1]: lifecycle.move(job, State.COMPLETED, only_if=LEASE),
            lambda job=jobs[6]: lifecycle.move(job, State.QUEUED),
        ]
        with ThreadPoolExecutor(len(acts)) as pool:
            for done in [pool.submit(at_once, act) for act in acts]:
                done.result()

        left = Job.objects.filter(batch=batch).exclude(state__in=(State.CANCELLED, State.COMPLETED))
        assert {(job.state, job.wish) for job in left} <= {(State.RUNNING, Wish.CANCEL)}
        Job.objects.filter(batch=batch).delete()
