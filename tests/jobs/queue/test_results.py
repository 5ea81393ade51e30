from typing import Any

import pytest
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.models import Failure, OrmQ, Success
from django_q.signals import pre_execute
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from jobs.queue.results import STOP, Results

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> dict[str, Any]:
    """A wake-up as the pool gets it."""
    async_task("jobs.tasks.expire")
    ((ack_id, package),) = broker().dequeue()
    return {**SignedPackage.loads(package), "ack_id": ack_id, "cluster": "any"}


def broker() -> Any:
    found = get_broker()
    assert isinstance(found, ORM)
    return found


def test_a_wakeup_is_gone_when_it_is_taken(task: dict[str, Any]) -> None:
    results = Results(broker())

    pre_execute.send(sender="django_q", func=None, task=task)

    assert results.is_alive()
    assert not OrmQ.objects.exists()


def test_a_broker_that_is_away_keeps_nobody_from_work(
    task: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise OSError("connection refused")

    results = Results(broker())
    monkeypatch.setattr(ORM, "acknowledge", away)

    pre_execute.send(sender="django_q", func=None, task=task)

    assert results.is_alive()
    assert "wake-up not acknowledged" in caplog.text


@pytest.mark.parametrize(("success", "kept"), [(True, 0), (False, 1)])
def test_only_what_failed_is_kept(
    task: dict[str, Any], success: bool, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    # "sync": do not close the connection, which is all of the database here.
    ended = {"success": success, "result": "trace", "stopped": task["started"], "sync": True}

    Results(broker()).put({**task, **ended})

    assert (Success.objects.count(), Failure.objects.count()) == (0, kept)
    assert ("task failed" in caplog.text) is not success


def test_it_ends_when_told(task: dict[str, Any]) -> None:
    results = Results(broker())

    results.put(STOP)

    assert not results.is_alive()
