import pydoc
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from jobs import chores, queue
from jobs.models import Chore
from jobs.states import State
from tests.factories import make_job

pytestmark = pytest.mark.django_db

ALWAYS = {"jobs.tasks.sweep", "media_api.idempotency.clear_old"}


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(queue, "run_soon", calls.append)
    chores.register()
    return calls


def test_an_idle_service_starts_only_what_cannot_be_asked_about(started: list[str]) -> None:
    chores.start_due()

    assert set(started) == ALWAYS


def test_what_there_is_to_do_is_started(owner: User, started: list[str]) -> None:
    past = timezone.now() - timedelta(seconds=1)
    make_job(owner, State.QUEUED)
    make_job(owner, State.RUNNING, lease_expires_at=past)
    make_job(owner, State.COMPLETED, expires_at=past)

    chores.start_due()

    assert set(started) == {chore.task for chore in chores.CHORES}


def test_a_chore_starts_again_only_after_its_interval(started: list[str]) -> None:
    chores.start_due()
    chores.start_due()
    assert len(started) == len(ALWAYS)

    Chore.objects.filter(name="jobs.tasks.sweep").update(due_at=timezone.now() - timedelta(seconds=1))
    chores.start_due()

    assert started.count("jobs.tasks.sweep") == 2


def test_registering_twice_keeps_the_times() -> None:
    chores.start_due()
    due = dict(Chore.objects.values_list("name", "due_at"))

    chores.register()

    assert dict(Chore.objects.values_list("name", "due_at")) == due


def test_every_chore_names_a_task_that_exists() -> None:
    assert [chore.task for chore in chores.CHORES if not callable(pydoc.locate(chore.task))] == []
