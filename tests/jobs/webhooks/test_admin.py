from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Delivery, WebhookEndpoint
from jobs.states import DeliveryState
from tests.factories import make_delivery, make_endpoint, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def address(kind: type[Model], page: str = "changelist", **arguments: Any) -> str:
    return reverse(f"admin:jobs_{kind._meta.model_name}_{page}", **arguments)


def act(browser: Client, action: str, *rows: Model) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return browser.post(address(type(rows[0])), data, follow=True).content.decode()


@pytest.mark.parametrize(("action", "is_active"), [("pause", False), ("activate", True)])
def test_an_operator_turns_webhooks_off_and_on(browser: Client, owner: User, action: str, is_active: bool) -> None:
    endpoint = make_endpoint(owner, is_active=not is_active)

    text = act(browser, action, endpoint)

    endpoint.refresh_from_db()
    assert endpoint.is_active is is_active
    assert "Done for 1 webhook endpoint." in text


def test_an_operator_sends_messages_again(browser: Client, owner: User) -> None:
    failed = make_delivery(owner, state=DeliveryState.FAILED)
    waiting = make_delivery(owner)

    text = act(browser, "redeliver", failed, waiting)

    failed.refresh_from_db()
    assert failed.state == DeliveryState.PENDING
    assert "Done for 1 delivery." in text
    assert f"Delivery {waiting.public_id} is still to be sent." in text


@pytest.mark.parametrize("kind", [WebhookEndpoint, Delivery])
def test_no_page_shows_a_secret_and_none_can_be_changed(
    browser: Client, owner: User, kind: type[WebhookEndpoint] | type[Delivery]
) -> None:
    endpoint = make_endpoint(owner)
    delivery = make_delivery(owner, endpoint=endpoint)
    delivery.log.create(status=500, excerpt="oh no")
    row = endpoint if kind is WebhookEndpoint else delivery

    pages = [browser.get(page).content.decode() for page in (address(kind), address(kind, "change", args=[row.pk]))]

    assert all(row.public_id in page for page in pages)
    assert not any("whsec_" in page or endpoint.secret.token in page or "sealed" in page for page in pages)
    assert ("oh no" in pages[1]) is (kind is Delivery)
    for name in ("add", "change", "delete"):
        path = address(kind, name, args=[] if name == "add" else [row.pk])
        assert browser.post(path, {"post": "yes"}).status_code == 403


def test_who_may_only_look_cannot_act(client: Client, owner: User) -> None:
    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(
        Permission.objects.get(codename="view_webhookendpoint"), Permission.objects.get(codename="view_delivery")
    )
    client.force_login(viewer)
    endpoint, delivery = make_endpoint(owner), make_delivery(owner, state=DeliveryState.FAILED)

    act(client, "pause", endpoint)
    act(client, "redeliver", delivery)

    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    assert (endpoint.is_active, delivery.state) == (True, DeliveryState.FAILED)
