"""The record of messages, as their owners see it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Delivery, WebhookEndpoint
from jobs.states import DeliveryState, Event
from tests.factories import make_delivery, make_endpoint, make_job, make_user

WEBHOOKS = "/api/v1/webhooks"
DELIVERIES = f"{WEBHOOKS}/deliveries"
HOOK = "https://hooks.example/in"


@pytest.fixture
def endpoint(owner: User) -> WebhookEndpoint:
    return make_endpoint(owner, HOOK)


def of(thing: WebhookEndpoint | Delivery, action: str = "") -> str:
    base = WEBHOOKS if isinstance(thing, WebhookEndpoint) else DELIVERIES
    return f"{base}/{thing.public_id}{action}"


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    return [entry["field"] for entry in response.json()["error"]["details"]]


def listed(api: APIClient, path: str, **query: Any) -> list[str]:
    response = api.get(path, query)
    assert response.status_code == 200, response.json()
    return [entry["delivery_id"] for entry in response.json()["results"]]


def test_deliveries_are_listed_newest_first_page_by_page(api: APIClient, owner: User) -> None:
    now = timezone.now()
    ids = [make_delivery(owner, created_at=now - timedelta(minutes=age)).public_id for age in range(3)]
    make_delivery(make_user())

    page = api.get(DELIVERIES, {"limit": 2}).json()
    rest = api.get(page["next"]).json()

    assert [entry["delivery_id"] for entry in page["results"] + rest["results"]] == ids
    assert (page["previous"], rest["next"]) == (None, None)


def test_deliveries_are_filtered(api: APIClient, owner: User, endpoint: WebhookEndpoint) -> None:
    job = make_job(owner)
    of_job = make_delivery(owner, job=job).public_id
    failed = make_delivery(owner, event=Event.FAILED, state=DeliveryState.FAILED, endpoint=endpoint).public_id

    assert listed(api, DELIVERIES, job=job.public_id) == [of_job]
    assert listed(api, DELIVERIES, event="download.failed") == [failed]
    assert listed(api, DELIVERIES, state="failed") == [failed]
    assert listed(api, of(endpoint, "/deliveries")) == [failed]
    assert listed(api, of(endpoint, "/deliveries/"), state="delivered") == []


@pytest.mark.parametrize("query", ["event=x", "state=x", "limit=0", "cursor=x", "colour=red"])
def test_a_query_that_makes_no_sense_is_refused(api: APIClient, endpoint: WebhookEndpoint, query: str) -> None:
    assert wrong_fields(api.get(f"{DELIVERIES}?{query}")) == [query.partition("=")[0]]
    assert wrong_fields(api.get(of(endpoint, f"/deliveries?{query}"))) == [query.partition("=")[0]]


def test_a_delivery_shows_its_body_and_every_attempt(api: APIClient, owner: User, endpoint: WebhookEndpoint) -> None:
    job = make_job(owner)
    delivery = make_delivery(owner, HOOK, endpoint=endpoint, job=job)
    delivery.log.create(error="Connection refused", latency_ms=3)
    delivery.log.create(status=500, excerpt="oh", latency_ms=30)

    shown = api.get(of(delivery)).json()

    assert (shown["delivery_id"], shown["url"], shown["state"]) == (delivery.public_id, HOOK, "pending")
    assert (shown["webhook_id"], shown["request_id"], shown["batch_id"]) == (endpoint.public_id, job.public_id, None)
    assert shown["next_attempt_at"].endswith("Z")
    assert shown["payload"] == delivery.payload
    assert [(a["status"], a["error"], a["excerpt"], a["latency_ms"]) for a in shown["log"]] == [
        (None, "Connection refused", "", 3),
        (500, None, "oh", 30),
    ]


def test_a_failed_delivery_is_sent_again_under_its_id_to_where_its_webhook_is_now(
    api: APIClient, owner: User, endpoint: WebhookEndpoint
) -> None:
    delivery = make_delivery(
        owner, "https://old.example/", endpoint=endpoint, state=DeliveryState.FAILED, attempts=3,
        completed_at=timezone.now(),
    )  # fmt: skip

    response = api.post(of(delivery, "/redeliver"))

    delivery.refresh_from_db()
    assert (response.status_code, response.json()["delivery_id"]) == (200, delivery.public_id)
    assert (delivery.state, delivery.attempts, delivery.completed_at) == (DeliveryState.PENDING, 0, None)
    assert (delivery.url, delivery.host) == (HOOK, "hooks.example")
    assert delivery.due_at <= timezone.now()


@pytest.mark.parametrize(("state", "is_active"), [(DeliveryState.PENDING, True), (DeliveryState.FAILED, False)])
def test_what_cannot_be_sent_again_is_a_conflict(
    api: APIClient, owner: User, state: DeliveryState, is_active: bool
) -> None:
    delivery = make_delivery(owner, endpoint=make_endpoint(owner, is_active=is_active), state=state)

    response = api.post(of(delivery, "/redeliver"))

    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert Delivery.objects.get().state == state


def test_a_job_says_that_a_receiver_took_its_end(api: APIClient, owner: User) -> None:
    job = make_job(owner, webhook_sent=True)

    assert api.get(f"/api/v1/download/{job.public_id}").json()["webhook_sent"] is True
