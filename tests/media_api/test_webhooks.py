"""Webhooks as their owners see them: endpoints, secrets, deliveries."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from accounts.models import Scope, User
from jobs.models import Delivery, Job, WebhookEndpoint
from jobs.states import DeliveryState
from media_api.models import IdempotentCall
from tests.factories import make_delivery, make_endpoint, make_key, make_user
from tests.receiver import Receiver, Reply

WEBHOOKS = "/api/v1/webhooks"
DELIVERIES = f"{WEBHOOKS}/deliveries"
HOOK = "https://hooks.example/in"
FIELDS = {
    "webhook_id", "url", "description", "events", "is_active", "disabled_reason", "last_result", "created_at",
}  # fmt: skip


@pytest.fixture
def stranger(db: None) -> APIClient:
    _, secret = make_key(make_user())
    return APIClient(raise_request_exception=False, headers={"X-API-Key": secret})


@pytest.fixture
def reader(owner: User) -> APIClient:
    """A key that may only read."""
    _, secret = make_key(owner, scopes=[Scope.READ])
    return APIClient(raise_request_exception=False, headers={"X-API-Key": secret})


@pytest.fixture
def endpoint(owner: User) -> WebhookEndpoint:
    return make_endpoint(owner, HOOK)


def create(api: APIClient, **body: Any) -> Any:
    headers = body.pop("headers", None)
    return api.post(WEBHOOKS, {"url": HOOK, **body}, format="json", headers=headers)


def of(thing: WebhookEndpoint | Delivery, action: str = "") -> str:
    base = WEBHOOKS if isinstance(thing, WebhookEndpoint) else DELIVERIES
    return f"{base}/{thing.public_id}{action}"


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    return [entry["field"] for entry in response.json()["error"]["details"]]


# --- the address of one request ---


def test_a_request_may_name_an_address_to_be_told_at(api: APIClient) -> None:
    response = api.post("/api/v1/download", {"url": "http://media.example/v", "webhook_url": HOOK}, format="json")

    job = Job.objects.get(public_id=response.json()["request_id"])
    assert (job.webhook_url, job.link_origin) == (HOOK, "http://testserver")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example/",
        "hooks.example",
        "https://",
        "https://hooks.example:port/",
        "https://user:secret@hooks.example/",
        "https://hooks.example/" + "x" * 4096,
        "http://127.0.0.1/",
        "http://localhost:8080/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest",
        "http://10.1.2.3:9000/",
    ],
)
def test_an_address_that_nothing_can_be_sent_to_is_refused(api: APIClient, url: str) -> None:
    of_a_request = api.post("/api/v1/download", {"url": "http://media.example/v", "webhook_url": url}, format="json")

    assert wrong_fields(of_a_request) == ["webhook_url"]
    assert wrong_fields(create(api, url=url)) == ["url"]


def test_the_operators_exceptions_count_for_addresses(api: APIClient, settings: Settings) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1:9000"]

    assert create(api, url="http://127.0.0.1:9000/").status_code == 201
    assert wrong_fields(create(api, url="http://127.0.0.1:9001/")) == ["url"]


def test_the_domains_of_downloads_do_not_bind_receivers(api: APIClient, settings: Settings) -> None:
    settings.ALLOWED_DOMAINS = ["media.example"]

    assert create(api).status_code == 201


# --- endpoints ---


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_webhook_is_stored_and_its_secret_shown_once(api: APIClient, owner: User, slash: str) -> None:
    response = api.post(f"{WEBHOOKS}{slash}", {"url": HOOK, "events": ["download.failed"]}, format="json")

    made = response.json()
    stored = WebhookEndpoint.objects.get()
    assert response.status_code == 201
    assert made.keys() == FIELDS | {"secret"}
    assert (stored.owner, stored.public_id, stored.url, stored.is_active) == (owner, made["webhook_id"], HOOK, True)
    assert made["secret"] == stored.secret.reveal()
    assert response["Location"] == f"http://testserver{WEBHOOKS}/{stored.public_id}"
    assert api.get(of(stored)).json().keys() == FIELDS
    assert made["secret"] not in api.get(WEBHOOKS).content.decode()


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
def test_a_form_that_leaves_the_switch_out_stores_an_active_webhook(api: APIClient, kind: str) -> None:
    part = 'Content-Disposition: form-data; name="url"'
    body = f"--b\r\n{part}\r\n\r\n{HOOK}\r\n--b--\r\n" if "multipart" in kind else urlencode({"url": HOOK})

    response = api.post(WEBHOOKS, body, content_type=kind)

    assert (response.status_code, response.json()["is_active"]) == (201, True)


def test_webhooks_are_listed_oldest_first(api: APIClient, owner: User) -> None:
    ids = [make_endpoint(owner).public_id for _ in range(2)]
    make_endpoint(make_user())

    answer = api.get(WEBHOOKS).json()

    assert ([entry["webhook_id"] for entry in answer["webhooks"]], answer["total"]) == (ids, 2)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("events", ["download.exploded"], "events.0"),
        ("events", "download.failed", "events"),
        ("description", "x" * 201, "description"),
        ("is_active", "perhaps", "is_active"),
        ("url", None, "url"),
        ("url", 22, "url"),
        ("secret", "whsec_mine", "secret"),
    ],
)
def test_a_wrong_value_is_named(api: APIClient, endpoint: WebhookEndpoint, field: str, value: Any, named: str) -> None:
    assert wrong_fields(create(api, **{field: value})) == [named]
    assert wrong_fields(api.patch(of(endpoint), {field: value}, format="json")) == [named]


def test_there_are_only_so_many(api: APIClient, settings: Settings) -> None:
    settings.MAX_WEBHOOKS = 1
    assert create(api).status_code == 201

    response = create(api)

    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert WebhookEndpoint.objects.count() == 1


def test_a_repetition_gets_the_secret_again_which_is_stored_nowhere_in_plain(api: APIClient) -> None:
    first = create(api, headers={"Idempotency-Key": "a"})
    again = create(api, headers={"Idempotency-Key": "a"})

    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert WebhookEndpoint.objects.count() == 1
    assert "whsec_" not in str(IdempotentCall.objects.get().body)


def test_single_fields_are_changed(api: APIClient, endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(is_active=False, disabled_reason="410")

    response = api.patch(of(endpoint, "/"), {"is_active": True, "description": "new"}, format="json")

    endpoint.refresh_from_db()
    assert response.status_code == 200
    assert (endpoint.is_active, endpoint.description, endpoint.disabled_reason, endpoint.url) == (True, "new", "", HOOK)
    assert response.json()["disabled_reason"] is None


def test_a_change_of_nothing_changes_nothing(api: APIClient, endpoint: WebhookEndpoint) -> None:
    before = api.get(of(endpoint)).json()

    assert api.patch(of(endpoint), {}, format="json").json() == before


def test_the_last_result_is_shown(api: APIClient, owner: User) -> None:
    endpoint = make_endpoint(owner, last_attempt_at=timezone.now(), last_status=503)

    shown = api.get(of(endpoint)).json()["last_result"]

    assert (shown["status"], shown["error"]) == (503, None)
    assert api.get(of(make_endpoint(owner))).json()["last_result"] is None


def test_a_deleted_webhook_is_gone_with_its_deliveries(api: APIClient, owner: User, endpoint: WebhookEndpoint) -> None:
    make_delivery(owner, endpoint=endpoint)

    response = api.delete(of(endpoint))

    assert (response.status_code, response.json()["id"]) == (200, endpoint.public_id)
    assert (WebhookEndpoint.objects.count(), Delivery.objects.count()) == (0, 0)
    assert api.get(of(endpoint)).json()["error"]["code"] == "NOT_FOUND"


def test_a_rotated_secret_replaces_the_old_one(api: APIClient, endpoint: WebhookEndpoint) -> None:
    old = endpoint.secret.reveal()

    secret = api.post(of(endpoint, "/rotate-secret")).json()["secret"]

    endpoint.refresh_from_db()
    assert secret == endpoint.secret.reveal() != old


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", ""),
        ("patch", "/{endpoint}"),
        ("delete", "/{endpoint}"),
        ("post", "/{endpoint}/rotate-secret"),
        ("post", "/{endpoint}/test"),
        ("get", "/signing-secret"),
        ("post", "/signing-secret/rotate"),
        ("post", "/deliveries/{delivery}/redeliver"),
    ],
)
def test_managing_takes_a_key_that_may_write(
    reader: APIClient, owner: User, endpoint: WebhookEndpoint, method: str, path: str
) -> None:
    names = {"endpoint": endpoint.public_id, "delivery": make_delivery(owner).public_id}

    response = getattr(reader, method)(f"{WEBHOOKS}{path.format(**names)}")

    assert (response.status_code, response.json()["error"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["", "/{endpoint}", "/{endpoint}/deliveries", "/deliveries", "/deliveries/{delivery}"])
def test_looking_takes_a_key_that_may_read(
    reader: APIClient, owner: User, endpoint: WebhookEndpoint, path: str
) -> None:
    names = {"endpoint": endpoint.public_id, "delivery": make_delivery(owner).public_id}

    assert reader.get(f"{WEBHOOKS}{path.format(**names)}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/{endpoint}"),
        ("patch", "/{endpoint}"),
        ("delete", "/{endpoint}"),
        ("post", "/{endpoint}/rotate-secret"),
        ("post", "/{endpoint}/test"),
        ("get", "/{endpoint}/deliveries"),
        ("get", "/deliveries/{delivery}"),
        ("post", "/deliveries/{delivery}/redeliver"),
    ],
)
def test_what_belongs_to_others_is_not_found(
    stranger: APIClient, owner: User, endpoint: WebhookEndpoint, method: str, path: str
) -> None:
    delivery = make_delivery(owner, endpoint=endpoint, state=DeliveryState.FAILED)
    names = {"endpoint": endpoint.public_id, "delivery": delivery.public_id}

    response = getattr(stranger, method)(f"{WEBHOOKS}{path.format(**names)}")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True).exists()


# --- the try ---


def test_a_try_sends_a_signed_message_and_tells_the_answer(api: APIClient, owner: User, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with Receiver(Reply(202, body=b"thanks"), Reply(500)) as receiver:
        endpoint = make_endpoint(owner, receiver.url(), is_active=False)

        taken = api.post(of(endpoint, "/test")).json()
        refused = api.post(of(endpoint, "/test")).json()

    (request, _) = receiver.requests
    message = Webhook(endpoint.secret.reveal()).verify(request.body, request.headers)
    assert (message["event"], message["data"]["webhook_id"]) == ("webhook.test", endpoint.public_id)
    assert request.headers["webhook-id"] == taken["message_id"]
    assert (taken["delivered"], taken["status"], taken["excerpt"], taken["error"]) == (True, 202, "thanks", None)
    assert (refused["delivered"], refused["status"]) == (False, 500)
    assert not Delivery.objects.exists()


def test_a_try_tells_why_there_was_no_answer(api: APIClient, endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(url="http://127.0.0.1:9/")

    told = api.post(of(endpoint, "/test")).json()

    assert (told["delivered"], told["status"]) == (False, None)
    assert "address" in told["error"]


# --- the secret for addresses of requests ---


def test_the_signing_secret_is_made_once_and_can_be_replaced(api: APIClient, stranger: APIClient) -> None:
    first = api.get(f"{WEBHOOKS}/signing-secret").json()
    assert first["secret"].startswith("whsec_")
    assert api.get(f"{WEBHOOKS}/signing-secret/").json() == first
    assert stranger.get(f"{WEBHOOKS}/signing-secret").json()["secret"] != first["secret"]

    rotated = api.post(f"{WEBHOOKS}/signing-secret/rotate").json()

    assert rotated["secret"] != first["secret"]
    assert api.get(f"{WEBHOOKS}/signing-secret").json() == rotated
