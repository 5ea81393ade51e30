"""What tests of sending share: a receiver nearby, and no wait between attempts."""

import threading
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from jobs.models import Delivery
from jobs.webhooks import delivery as sending
from tests.receiver import Receiver


@pytest.fixture(autouse=True)
def near(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    settings.WEBHOOK_RETRY_DELAY = 0
    settings.WEBHOOK_TIMEOUT = 5


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "webhook"] == []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def sent(delivery: Delivery) -> Delivery:
    sending.deliver_due()
    delivery.refresh_from_db()
    return delivery


def attempts(delivery: Delivery) -> list[int | None]:
    return list(delivery.log.values_list("status", flat=True))
