import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import lifecycle, tallies
from jobs.engine.contract import FailureCode, Options
from jobs.lifecycle import Lease
from jobs.models import Job, Tally, TallyEntry
from jobs.states import DeliveryState, State, Tallied
from jobs.tallies import OTHER, Amount, Key
from tests.factories import make_batch, make_file, make_job, make_user

LEASE = Lease(owner="worker:1", host="worker", seconds=30)
SITE = "media.example"


def new_job(owner: User) -> Job:
    return Job(owner=owner, url=f"http://{SITE}/a.mp4", host=SITE, options=Options().to_json())


def counted() -> dict[tuple[str, str, str], int]:
    """How often each kind of event was counted."""
    tallies.fold()
    return {tuple(key): amount.times for key, amount in tallies.sums().items()}  # type: ignore[misc]


def test_a_download_is_counted_from_its_submission_to_its_end(owner: User) -> None:
    job = lifecycle.create(new_job(owner))
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(seconds=3))
    job.refresh_from_db()
    lifecycle.claim(job, LEASE)
    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(seconds=20))
    make_file(job, size_bytes=3_000_000_000)
    make_file(job, size_bytes=500)

    job.refresh_from_db()
    lifecycle.move(job, State.COMPLETED)

    assert counted() == {
        (Tallied.SUBMITTED, "", ""): 1,
        (Tallied.SUBMITTED, SITE, ""): 1,
        (Tallied.STARTED, "", "5.0"): 1,
        (Tallied.COMPLETED, "", ""): 1,
        (Tallied.COMPLETED, SITE, ""): 1,
    }
    done = tallies.sums()[Key(Tallied.COMPLETED, SITE, "")]
    assert done.size_bytes == 3_000_000_500
    assert done.seconds == pytest.approx(20, abs=1)
    assert tallies.sums()[Key(Tallied.STARTED, "", "5.0")].seconds == pytest.approx(3, abs=1)


def test_failures_and_attempts_that_are_repeated_are_counted_by_code(owner: User) -> None:
    job = make_job(owner, State.RUNNING)
    told = {"error_code": FailureCode.NETWORK, "error": "No answer."}
    lifecycle.give_back(job, only_if={}, reason="again", **told)
    lifecycle.claim(job, LEASE)
    lifecycle.move(job, State.FAILED, **told)

    found = counted()
    assert found[Tallied.RETRIED, SITE, FailureCode.NETWORK] == 1
    assert found[Tallied.FAILED, SITE, FailureCode.NETWORK] == 1
    assert found[Tallied.FAILED, "", FailureCode.NETWORK] == 1


def test_an_attempt_that_ends_with_its_worker_is_counted_as_interrupted(owner: User) -> None:
    lifecycle.give_back(make_job(owner, State.RUNNING), only_if={}, reason="its worker died")

    assert counted()[Tallied.RETRIED, "", tallies.INTERRUPTED] == 1


def test_a_pause_and_an_expiry_are_no_ends(owner: User) -> None:
    paused = make_job(owner, State.QUEUED)
    lifecycle.move(paused, State.PAUSED)
    lifecycle.move(paused, State.QUEUED)
    lifecycle.move(make_job(owner, State.COMPLETED), State.EXPIRED)

    assert counted() == {}


def test_asking_again_counts_as_another_submission(owner: User) -> None:
    lifecycle.move(make_job(owner, State.FAILED), State.QUEUED)

    assert counted() == {(Tallied.SUBMITTED, "", ""): 1, (Tallied.SUBMITTED, SITE, ""): 1}


def test_jobs_of_a_batch_are_counted_together(owner: User) -> None:
    batch = make_batch(owner)
    jobs = [new_job(owner) for _ in range(3)]
    for place, job in enumerate(jobs, 1):
        job.batch, job.position = batch, place
    lifecycle.create_all(jobs)
    assert TallyEntry.objects.count() == 1

    lifecycle.cancel_waiting(batch, reason="a test")

    found = counted()
    assert (found[Tallied.SUBMITTED, "", ""], found[Tallied.CANCELLED, SITE, ""]) == (3, 3)


def test_a_move_that_is_rolled_back_is_not_counted(owner: User) -> None:
    job = make_job(owner)
    assert lifecycle.claim(Job.objects.get(pk=job.pk), LEASE)

    assert not lifecycle.claim(job, LEASE)  # somebody else was faster
    assert counted() == {(Tallied.STARTED, "", "0.1"): 1}


def test_counts_outlive_what_they_count(owner: User) -> None:
    lifecycle.create(new_job(owner))
    before = counted()

    owner.delete()

    assert not Job.objects.exists()
    assert counted() == before


@pytest.mark.django_db
def test_messages_are_counted_by_what_came_of_them() -> None:
    tallies.webhook_tried(None, 1500)
    tallies.webhook_tried(DeliveryState.DELIVERED, 500)
    tallies.fold()

    assert tallies.sums() == {
        Key(Tallied.WEBHOOK, "", tallies.RETRIED): Amount(1, 1.5, 0),
        Key(Tallied.WEBHOOK, "", DeliveryState.DELIVERED): Amount(1, 0.5, 0),
    }


@pytest.mark.django_db
def test_sites_beyond_the_limit_are_counted_together(settings: Settings) -> None:
    settings.METRICS_SITES = 2
    for site in ("a.example", "b.example", "c.example", "d.example"):
        tallies.note(Tallied.COMPLETED, site=site)

    assert counted() == {
        (Tallied.COMPLETED, "", ""): 4,
        (Tallied.COMPLETED, "a.example", ""): 1,
        (Tallied.COMPLETED, "b.example", ""): 1,
        (Tallied.COMPLETED, OTHER, ""): 2,
    }


@pytest.mark.django_db
def test_an_idle_site_gives_way_and_no_count_goes_back(settings: Settings) -> None:
    settings.METRICS_SITES = 1
    tallies.note(Tallied.COMPLETED, site="old.example")
    tallies.fold()
    tallies.note(Tallied.COMPLETED, site="new.example")
    assert counted()[Tallied.COMPLETED, OTHER, ""] == 1  # the old one is not idle for long enough

    Tally.objects.filter(site="old.example").update(
        changed_at=timezone.now() - tallies.SITE_IDLE - timedelta(minutes=1)
    )
    tallies.note(Tallied.COMPLETED, site="new.example")

    assert counted() == {
        (Tallied.COMPLETED, "", ""): 3,
        (Tallied.COMPLETED, OTHER, ""): 1,
        (Tallied.COMPLETED, "new.example", ""): 1,
    }


@pytest.mark.django_db
def test_without_sites_there_are_none(settings: Settings) -> None:
    settings.METRICS_SITES = 0
    tallies.note(Tallied.COMPLETED, site="a.example")

    assert counted() == {(Tallied.COMPLETED, "", ""): 1, (Tallied.COMPLETED, OTHER, ""): 1}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_several_that_add_up_at_once_lose_and_double_nothing() -> None:
    make_user()
    for number in range(60):
        tallies.note(Tallied.COMPLETED, site=f"site{number % 7}.example")
    start = threading.Barrier(4)

    def fold() -> None:
        try:
            start.wait()
            tallies.fold()
        finally:
            connection.close()

    threads = [threading.Thread(target=fold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted()[Tallied.COMPLETED, "", ""] == 60
    assert sum(times for (_, site, _), times in counted().items() if site) == 60
    assert not tallies.unfolded()


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0.0, "0.1"), (0.1, "0.1"), (0.11, "0.25"), (59.0, "60.0"), (1e9, "inf")]
)
def test_a_wait_belongs_to_the_bucket_that_holds_it(seconds: float, bound: str) -> None:
    assert tallies.bucket(seconds) == bound
