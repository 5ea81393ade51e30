"""What owners do with their endpoints and messages: register, change, rotate secrets, try out, send again."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.vault import Sealed
from jobs import queue
from jobs.errors import QueueFull, StateConflict
from jobs.models import Delivery, SigningSecret, WebhookEndpoint, new_message_id
from jobs.states import DeliveryState
from jobs.webhooks import addresses, outbox, sending, signing
from jobs.webhooks.outcomes import Answer

TEST_EVENT = "webhook.test"
LONGEST_TEST_SECONDS = 10.0  # somebody waits for the answer


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A message that was sent to try an endpoint out, and what came of it."""

    message_id: str
    answer: Answer


def register(owner: User, *, url: str, description: str, events: list[str], is_active: bool) -> WebhookEndpoint:
    """Store an endpoint with a secret of its own. Raises LinkRefused, or StateConflict when there are too many."""
    addresses.accepted_host(url, field="url")
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # two at once must not both be the last one
        if owner.webhooks.count() >= settings.MAX_WEBHOOKS:
            raise StateConflict(f"You have {settings.MAX_WEBHOOKS} webhook endpoints, and no more are allowed.")
        return WebhookEndpoint.objects.create(
            owner=owner,
            url=url,
            description=description,
            events=events,
            is_active=is_active,
            secret=Sealed.of(signing.new_secret()),
        )


def change(endpoint: WebhookEndpoint, changes: Mapping[str, Any]) -> None:
    """Set some of url, description, events and is_active. Raises LinkRefused.

    Messages that are written already go to the address that they were written for.
    """
    if "url" in changes:
        addresses.accepted_host(changes["url"], field="url")
    told = {"disabled_reason": ""} if "is_active" in changes else {}
    for name, value in {**changes, **told}.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=[*changes, *told])


def rotate_secret(endpoint: WebhookEndpoint) -> None:
    """Sign with a new secret from now on, messages that wait for another attempt included."""
    endpoint.secret = Sealed.of(signing.new_secret())
    endpoint.save(update_fields=["secret"])


def remove(endpoint: WebhookEndpoint) -> None:
    """Delete the endpoint with the record of its messages."""
    with transaction.atomic():
        WebhookEndpoint.objects.select_for_update().filter(pk=endpoint.pk).first()  # no attempt is recorded meanwhile
        endpoint.delete()


def signing_secret(owner: User) -> SigningSecret:
    """What signs messages to addresses that single requests name; made when it is first asked for."""
    found, _ = SigningSecret.objects.get_or_create(owner=owner, defaults={"secret": Sealed.of(signing.new_secret())})
    return found


def rotate_signing_secret(owner: User) -> SigningSecret:
    """A new one, from now on."""
    secret = signing_secret(owner)
    secret.secret, secret.created_at = Sealed.of(signing.new_secret()), timezone.now()
    secret.save(update_fields=["secret", "created_at"])
    return secret


def secret_of(delivery: Delivery) -> str:
    """What signs this message. Raises CannotDecrypt."""
    kept = delivery.endpoint.secret if delivery.endpoint else signing_secret(delivery.owner).secret
    return kept.reveal()


def try_out(endpoint: WebhookEndpoint) -> Tried:
    """Send a signed `webhook.test` at once, active or not, and tell what the receiver said. Nothing is recorded.

    May take ten seconds; not to be called within a transaction. Raises QueueFull when too many callers of this process
    wait for receivers already.
    """
    if not connection.in_atomic_block:
        connection.close()  # the receiver may take its time, and the pool of connections is small
    message_id = new_message_id()
    data = {"webhook_id": endpoint.public_id, "timestamp": outbox.stamp()}
    body = sending.body_of(outbox.envelope(TEST_EVENT, message_id, data))
    message = sending.Message(endpoint.url, body, message_id, endpoint.secret.reveal())
    with _place_to_wait():
        return Tried(message_id=message_id, answer=sending.send(message, timeout_seconds=LONGEST_TEST_SECONDS))


def redeliver(delivery: Delivery) -> None:
    """Send a message again under its id, its attempts counted anew, to where its endpoint is now.

    Raises StateConflict while it is still to be sent, and when its endpoint is turned off.
    """
    endpoint = delivery.endpoint
    if endpoint is not None and not endpoint.is_active:
        raise StateConflict(f"Webhook {endpoint.public_id} is turned off: turn it on first.")
    url = endpoint.url if endpoint else delivery.url
    over = Delivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.PENDING)
    with transaction.atomic():
        anew = {"state": DeliveryState.PENDING, "attempts": 0, "due_at": timezone.now(), "completed_at": None}
        if not over.update(**anew, url=url, host=outbox.host_of(url)):
            raise StateConflict(f"Delivery {delivery.public_id} is still to be sent.")
        transaction.on_commit(lambda: queue.run_soon(outbox.DELIVER))
    delivery.refresh_from_db()


@contextmanager
def _place_to_wait() -> Iterator[None]:
    """An eighth of a web process's threads may wait for receivers; the others go on answering."""
    places = _places(max(1, settings.WEB_THREADS // 8))
    if not places.acquire(blocking=False):
        raise QueueFull("Too many webhooks are being tried out. Try again later.")
    try:
        yield
    finally:
        places.release()


@cache
def _places(number: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(number)
