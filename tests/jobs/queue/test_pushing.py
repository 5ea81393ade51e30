import threading
from typing import Any

import pytest
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.queues import Queue
from django_q.tasks import async_task

from jobs.queue.pushing import Pusher

pytestmark = pytest.mark.django_db
TASK = "jobs.tasks.expire"


@pytest.fixture
def pusher() -> Pusher:
    return Pusher(get_broker(), Queue(maxsize=1), threading.Event())


def test_a_wakeup_goes_from_the_broker_to_the_pool(pusher: Pusher) -> None:
    async_task(TASK)

    (wakeup,) = pusher.take()
    pusher.push(wakeup)

    taken: dict[str, Any] = pusher._tasks.get(timeout=10)
    assert (taken["func"], taken["ack_id"]) == (TASK, OrmQ.objects.get().pk)


def test_where_nobody_has_room_what_waits_stays_to_be_seen(pusher: Pusher) -> None:
    pusher.push({"func": TASK})

    assert not pusher.has_room()
    assert pusher._tasks.get(timeout=10)
    assert pusher.has_room()


def test_a_broker_with_nothing_gives_nothing(pusher: Pusher) -> None:
    assert pusher.take() == []


def test_what_cannot_be_read_is_thrown_away(pusher: Pusher, caplog: pytest.LogCaptureFixture) -> None:
    async_task(TASK)
    OrmQ.objects.update(payload="signed with another key")

    assert pusher.take() == []
    assert not OrmQ.objects.exists()
    assert "wake-up cannot be read" in caplog.text
