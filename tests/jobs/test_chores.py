import pydoc
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import canaries, chores, queue, tallies
from jobs.models import Chore, ProbeLink
from jobs.states import ExtractionState, State, Tallied
from tests.factories import make_batch, make_delivery, make_extraction, make_job

pytestmark = pytest.mark.django_db

ALWAYS = {
    "jobs.tasks.sample",
    "jobs.tasks.sweep",
    "jobs.tasks.clear_deliveries",
    "media_api.retention.forget_old_answers",
}


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(queue, "run_soon", calls.append)
    chores.register()
    return calls


def test_an_idle_service_starts_only_what_cannot_be_asked_about(started: list[str]) -> None:
    chores.start_due()

    assert set(started) == ALWAYS


def test_what_there_is_to_do_is_started(owner: User, started: list[str], settings: Settings) -> None:
    past = timezone.now() - timedelta(seconds=1)
    settings.STORAGE_QUOTA_BYTES = 1000
    make_job(owner, State.RUNNING, reserved_bytes=950)
    make_job(owner, State.QUEUED)
    make_job(owner, State.COMPLETED, expires_at=past)
    make_delivery(owner)
    make_batch(owner, is_expanded=False)
    make_extraction(owner, expires_at=timezone.now() - timedelta(hours=2))
    tallies.note(Tallied.SUBMITTED)
    canaries.add(owner, ProbeLink(url="https://media.example/watch"))
    make_extraction(owner, state=ExtractionState.RUNNING, lease_expires_at=past)

    chores.start_due()

    assert set(started) == {chore.task for chore in chores.CHORES}


def test_a_chore_starts_again_only_after_its_interval(started: list[str]) -> None:
    chores.start_due()
    chores.start_due()
    assert len(started) == len(ALWAYS)

    Chore.objects.filter(name="jobs.tasks.sweep").update(due_at=timezone.now() - timedelta(seconds=1))
    chores.start_due()

    assert started.count("jobs.tasks.sweep") == 2


def test_a_clock_that_was_set_back_delays_no_chore(started: list[str]) -> None:
    Chore.objects.update(due_at=timezone.now() + timedelta(hours=2))

    chores.start_due()

    assert set(started) == ALWAYS


def test_the_dead_lose_their_jobs_though_the_pool_works_no_more(owner: User) -> None:
    job = make_job(owner, State.RUNNING, lease_expires_at=timezone.now() - timedelta(seconds=1))

    chores.Clock().tick()

    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_registering_twice_keeps_the_times() -> None:
    chores.start_due()
    due = dict(Chore.objects.values_list("name", "due_at"))

    chores.register()

    assert dict(Chore.objects.values_list("name", "due_at")) == due


def test_every_chore_names_a_task_that_exists() -> None:
    assert [chore.task for chore in chores.CHORES if not callable(pydoc.locate(chore.task))] == []
