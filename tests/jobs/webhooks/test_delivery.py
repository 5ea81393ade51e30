"""Which messages are sent when, against a real receiver on loopback."""

import fcntl
import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as service
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from accounts.models import User
from accounts.vault import Sealed
from jobs import queue
from jobs.models import WebhookEndpoint
from jobs.queue import process
from jobs.states import DeliveryState
from jobs.webhooks import delivery as sending
from jobs.webhooks import endpoints
from tests.factories import make_delivery, make_endpoint, make_job, make_user
from tests.jobs.webhooks.conftest import sent
from tests.receiver import Receiver, Reply, until

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def test_a_message_is_posted_once_with_both_signatures(owner: User, receiver: Receiver) -> None:
    endpoint = make_endpoint(owner, receiver.url("/in?a=b%20c"))
    message = sent(make_delivery(owner, endpoint.url, endpoint=endpoint))

    (request,) = receiver.requests
    secret = endpoint.secret.reveal()
    assert message.state == DeliveryState.DELIVERED
    assert message.completed_at is not None
    assert Webhook(secret).verify(request.body, request.headers) == message.payload
    assert request.headers["webhook-id"] == message.public_id
    assert request.headers["X-Webhook-Signature"].startswith("sha256=")
    assert (request.path, request.headers["Content-Type"]) == ("/in?a=b%20c", "application/json")
    assert request.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["User-Agent"] == f"ultimate-media-downloader/{service.VERSION} webhooks"
    assert "Cookie" not in request.headers


def test_an_address_of_a_request_is_signed_with_its_owners_secret(owner: User, receiver: Receiver) -> None:
    sent(make_delivery(owner, receiver.url()))

    (request,) = receiver.requests
    assert Webhook(endpoints.signing_secret(owner).secret.reveal()).verify(request.body, request.headers)


def test_what_is_not_due_or_being_sent_is_left_alone(owner: User, receiver: Receiver) -> None:
    soon = timezone.now() + timedelta(seconds=10)
    make_delivery(owner, receiver.url(), due_at=soon)
    make_delivery(owner, receiver.url(), lease_owner="another", lease_expires_at=soon)
    make_delivery(owner, receiver.url(), state=DeliveryState.DELIVERED)

    sending.deliver_due()

    assert receiver.requests == []


def test_a_clock_that_was_set_back_delays_no_message(owner: User, receiver: Receiver) -> None:
    later = timezone.now() + timedelta(minutes=30)
    message = sent(make_delivery(owner, receiver.url(), due_at=later))
    retried = make_delivery(owner, receiver.url(), due_at=later, attempts=1)

    sending.deliver_due()

    retried.refresh_from_db()
    assert (message.state, retried.state) == (DeliveryState.DELIVERED, DeliveryState.PENDING)


def test_what_a_dead_worker_was_sending_is_sent_again_under_its_id(owner: User, receiver: Receiver) -> None:
    past = timezone.now() - timedelta(seconds=1)

    message = sent(make_delivery(owner, receiver.url(), lease_owner="dead", lease_expires_at=past))

    assert (message.state, receiver.ids()) == (DeliveryState.DELIVERED, [message.public_id])


def test_a_lease_is_kept_alive_while_a_slow_receiver_thinks(
    owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_TIMEOUT, settings.WEBHOOK_RETRY_ATTEMPTS = 2, 1
    monkeypatch.setattr(sending, "POLL_SECONDS", 0.05)
    settings.LEASE_SECONDS = 0.6
    with Receiver(Reply(hang=True)) as receiver:
        message = sent(make_delivery(owner, receiver.url()))

    assert (message.state, len(receiver.requests), message.log.count()) == (DeliveryState.FAILED, 1, 1)


def test_a_slow_receiver_does_not_keep_another_waiting(owner: User, settings: Settings, receiver: Receiver) -> None:
    settings.WEBHOOK_TIMEOUT, settings.WEBHOOK_RETRY_ATTEMPTS = 2, 1
    with Receiver(*[Reply(hang=True)] * 9) as slow:
        for _ in range(9):
            make_delivery(make_user(), slow.url(host="localhost"))
        message = make_delivery(owner, receiver.url())
        started = time.monotonic()
        thread_saw = []
        receiver_take = receiver.take

        def take(request: Any) -> Reply:
            thread_saw.append(request.at - started)
            return receiver_take(request)

        receiver.take = take  # type: ignore[method-assign]
        sent(message)

    assert message.state == DeliveryState.DELIVERED
    assert thread_saw[0] < 1.5
    assert slow.most_at_once == sending.MOST_AT_ONE_HOST
    assert len(slow.requests) == 9


def test_an_owner_with_many_slow_receivers_does_not_take_all_room(
    owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_TIMEOUT, settings.WEBHOOK_RETRY_ATTEMPTS = 1, 1
    monkeypatch.setattr(sending, "MOST_OF_ONE_OWNER", 2)
    with Receiver(*[Reply(hang=True)] * 4) as slow:
        for number in range(4):
            make_delivery(owner, slow.url(), host=f"{number}.example")

        sending.deliver_due()

    assert (slow.most_at_once, len(slow.requests)) == (2, 4)


def test_messages_about_one_job_come_in_order_however_slow_the_first(owner: User, settings: Settings) -> None:
    settings.WEBHOOK_TIMEOUT, settings.WEBHOOK_RETRY_ATTEMPTS = 1, 1
    job = make_job(owner)
    with Receiver(Reply(hang=True)) as receiver:
        messages = [make_delivery(owner, receiver.url(), job=job, due_at=timezone.now()) for _ in range(3)]

        sending.deliver_due()

    assert receiver.ids() == [message.public_id for message in messages]
    assert receiver.most_at_once == 1


def test_a_secret_that_cannot_be_read_is_an_error_and_sends_nothing(
    owner: User, receiver: Receiver, settings: Settings
) -> None:
    endpoint = make_endpoint(owner, receiver.url())
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secret=Sealed("nonsense"))

    message = sent(make_delivery(owner, endpoint.url, endpoint=endpoint))

    assert (message.state, receiver.requests) == (DeliveryState.FAILED, [])
    assert "secret" in message.log.all()[0].error


def test_only_one_process_of_a_host_sends(owner: User, receiver: Receiver) -> None:
    make_delivery(owner, receiver.url())
    path = Path(service.WORK_DIR) / "deliver.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        sending.deliver_due()
        assert receiver.requests == []

    sending.deliver_due()
    assert len(receiver.requests) == 1


def test_when_its_slice_is_over_another_wake_up_goes_on(
    owner: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(queue, "run_soon", woken.append)
    monkeypatch.setattr(sending, "SLICE_SECONDS", -1.0)
    make_delivery(owner, receiver.url())

    sending.deliver_due()

    assert (receiver.requests, woken) == ([], ["jobs.tasks.deliver"])


def test_a_draining_worker_leaves_its_messages_to_others(
    owner: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WEBHOOK_TIMEOUT = 30
    monkeypatch.setattr(sending, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(queue, "run_soon", lambda _: None)
    with Receiver(Reply(hang=True)) as receiver:
        monkeypatch.setattr(process, "is_draining", lambda: bool(receiver.requests))
        message = sent(make_delivery(owner, receiver.url()))
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "webhook"])

    assert (message.state, message.attempts, len(receiver.requests)) == (DeliveryState.PENDING, 0, 1)


def test_the_body_is_json_in_the_documented_order(owner: User, receiver: Receiver) -> None:
    payload = {"request_id": "r", "data": {"title": "ü"}, "event": "e", "timestamp": "t"}

    sent(make_delivery(owner, receiver.url(), payload=payload))

    body = json.loads(receiver.requests[0].body)
    assert list(body) == ["event", "timestamp", "request_id", "data"]
