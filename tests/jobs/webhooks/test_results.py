"""What follows from answers, of a real receiver on loopback."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs.models import Delivery
from jobs.states import DeliveryState, Event, State
from jobs.webhooks import results
from jobs.webhooks.outcomes import Answer
from tests.factories import make_delivery, make_endpoint, make_job
from tests.jobs.webhooks.conftest import attempts, sent
from tests.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db


def test_an_attempt_is_recorded_with_what_the_receiver_said(owner: User) -> None:
    with Receiver(Reply(404, body=b"no such \x00 hook \xff" + b"x" * 5000)) as receiver:
        endpoint = make_endpoint(owner, receiver.url())
        message = sent(make_delivery(owner, endpoint.url, endpoint=endpoint))

    attempt = message.log.get()
    endpoint.refresh_from_db()
    assert (message.state, message.attempts, attempt.status, attempt.error) == (DeliveryState.FAILED, 1, 404, "")
    assert attempt.excerpt.startswith("no such � hook �x")
    assert len(attempt.excerpt.encode()) <= 1100
    assert attempt.latency_ms is not None
    assert attempt.latency_ms < 2000
    assert (endpoint.last_status, endpoint.last_error, endpoint.is_active) == (404, "", True)
    assert endpoint.last_attempt_at is not None


def test_a_receiver_that_fails_at_first_gets_the_same_message_again(owner: User) -> None:
    with Receiver(Reply(500), Reply(503)) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert (message.state, attempts(message)) == (DeliveryState.DELIVERED, [500, 503, 200])
    assert receiver.ids() == [message.public_id] * 3
    assert len({request.body for request in receiver.requests}) == 1


def test_a_receiver_that_is_down_is_tried_as_often_as_set_and_no_more(owner: User, settings: Settings) -> None:
    settings.WEBHOOK_RETRY_ATTEMPTS = 4
    with Receiver() as receiver:
        address = receiver.url()

    message = sent(make_delivery(owner, address))

    assert (message.state, attempts(message)) == (DeliveryState.FAILED, [None] * 4)
    assert {attempt.error for attempt in message.log.all()} == {"Connection refused"}


def test_another_attempt_waits_longer_each_time(owner: User, settings: Settings) -> None:
    settings.WEBHOOK_RETRY_DELAY = 100
    with Receiver(Reply(500), Reply(500)) as receiver:
        message = sent(make_delivery(owner, receiver.url()))
        first = (message.due_at - timezone.now()).total_seconds()
        assert (message.state, len(receiver.requests)) == (DeliveryState.PENDING, 1)

        Delivery.objects.update(due_at=timezone.now())
        second = (sent(message).due_at - timezone.now()).total_seconds()

    assert 70 < first <= 125
    assert 145 < second <= 250


@pytest.mark.parametrize(
    ("wanted", "least", "most"),
    [("120", 100, 121), ("999999", 3500, 3601), ("Fri, 31 Dec 2100 23:59:59 GMT", 3500, 3601)],
)
def test_retry_after_is_honoured_within_bounds(owner: User, wanted: str, least: float, most: float) -> None:
    with Receiver(Reply(429, headers={"Retry-After": wanted})) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert least < (message.due_at - timezone.now()).total_seconds() < most
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("wanted", ["soon", "-5", "nan", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_retry_after_that_asks_for_no_wait_is_ignored(owner: User, wanted: str) -> None:
    with Receiver(Reply(429, headers={"Retry-After": wanted})) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert attempts(message) == [429, 200]


def test_gone_turns_the_endpoint_off_and_says_why(owner: User) -> None:
    with Receiver(Reply(410)) as receiver:
        endpoint = make_endpoint(owner, receiver.url())
        message = sent(make_delivery(owner, endpoint.url, endpoint=endpoint))
        later = sent(make_delivery(owner, endpoint.url, endpoint=endpoint))

    endpoint.refresh_from_db()
    assert (message.state, attempts(message)) == (DeliveryState.FAILED, [410])
    assert (endpoint.is_active, "410" in endpoint.disabled_reason, endpoint.last_status) == (False, True, 410)
    assert (later.state, len(receiver.requests)) == (DeliveryState.FAILED, 1)


def test_progress_is_never_sent_twice(owner: User) -> None:
    with Receiver(Reply(500)) as receiver:
        message = sent(make_delivery(owner, receiver.url(), event=Event.PROGRESS))

    assert (message.state, attempts(message)) == (DeliveryState.FAILED, [500])


@pytest.mark.parametrize(("event", "is_sent"), [(Event.STARTED, False), (Event.COMPLETED, True), (Event.FAILED, True)])
def test_a_job_knows_that_a_receiver_took_its_end(owner: User, receiver: Receiver, event: Event, is_sent: bool) -> None:
    job = make_job(owner, State.COMPLETED)

    sent(make_delivery(owner, receiver.url(), job=job, event=event))

    job.refresh_from_db()
    assert job.webhook_sent is is_sent


def test_an_end_of_an_earlier_life_does_not_count(owner: User, receiver: Receiver) -> None:
    job = make_job(owner, State.COMPLETED, completed_at=timezone.now())
    earlier = timezone.now() - timedelta(hours=1)

    sent(make_delivery(owner, receiver.url(), job=job, event=Event.FAILED, created_at=earlier))

    job.refresh_from_db()
    assert not job.webhook_sent


def test_who_lost_the_lease_records_nothing(owner: User) -> None:
    message = make_delivery(owner, lease_owner="another")

    results.record(message, Answer(status=200), "mine")

    message.refresh_from_db()
    assert (message.state, message.attempts, message.log.count()) == (DeliveryState.PENDING, 0, 0)


def test_old_messages_are_forgotten(owner: User, settings: Settings) -> None:
    settings.WEBHOOK_LOG_DAYS = 2
    now = timezone.now()
    done: dict[str, Any] = {"state": DeliveryState.DELIVERED}
    make_delivery(owner, created_at=now - timedelta(days=3), **done)
    make_delivery(owner, created_at=now - timedelta(hours=2), event=Event.PROGRESS, **done)
    kept = [
        make_delivery(owner, created_at=now - timedelta(days=1), **done),
        make_delivery(owner, created_at=now - timedelta(days=3)),
        make_delivery(owner, event=Event.PROGRESS, **done),
    ]

    assert results.clear_old() == 2

    assert set(Delivery.objects.all()) == set(kept)
