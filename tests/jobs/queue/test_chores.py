import pydoc
from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Chore
from jobs.queue import chores

pytestmark = pytest.mark.django_db


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(chores, "run_soon", calls.append)
    return calls


def test_every_chore_starts_once_when_due(started: list[str]) -> None:
    chores.register()

    chores.start_due()
    chores.start_due()

    assert sorted(started) == sorted(chores.EVERY)


def test_a_chore_starts_again_after_its_interval(started: list[str]) -> None:
    chores.register()
    chores.start_due()
    started.clear()

    Chore.objects.filter(name="jobs.tasks.expire").update(due_at=timezone.now() - timedelta(seconds=1))
    chores.start_due()

    assert started == ["jobs.tasks.expire"]


def test_registering_twice_keeps_the_times(started: list[str]) -> None:
    chores.register()
    chores.start_due()
    due = dict(Chore.objects.values_list("name", "due_at"))

    chores.register()

    assert dict(Chore.objects.values_list("name", "due_at")) == due


def test_every_chore_names_a_task_that_exists() -> None:
    assert [name for name in chores.EVERY if not callable(pydoc.locate(name))] == []
