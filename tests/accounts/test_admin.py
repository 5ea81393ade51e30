import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import keys
from accounts.models import ApiKey, User
from tests.factories import make_key, make_user

pytestmark = pytest.mark.django_db

KEYS = reverse("admin:accounts_apikey_changelist")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def add(browser: Client, owner: User) -> Any:
    fields = {"owner": owner.pk, "name": "backups", "scopes": ["read"], "expires_at_0": "", "expires_at_1": ""}
    return browser.post(reverse("admin:accounts_apikey_add"), fields, follow=True)


def test_a_new_key_is_shown_once_and_works(browser: Client, owner: User) -> None:
    shown = re.findall(rf"{keys.PREFIX}_[\w-]{{43}}", add(browser, owner).content.decode())

    assert len(shown) == 1
    key = keys.recognise(shown[0])
    assert key is not None
    assert (key.owner, key.name, key.scopes) == (owner, "backups", ["read"])
    assert ApiKey.objects.count() == 1
    assert shown[0] not in browser.get(KEYS).content.decode()


def test_neither_key_nor_digest_can_be_read_later(browser: Client, owner: User) -> None:
    key, secret = make_key(owner)

    text = "".join(
        browser.get(path).content.decode() for path in (KEYS, reverse("admin:accounts_apikey_change", args=[key.pk]))
    )

    assert key.prefix in text
    assert secret not in text
    assert key.digest not in text


def test_changing_a_key_keeps_owner_and_secret(browser: Client, owner: User) -> None:
    key, secret = make_key(owner)
    fields = {"owner": make_user().pk, "name": "renamed", "scopes": ["read"], "expires_at_0": "", "expires_at_1": ""}

    browser.post(reverse("admin:accounts_apikey_change", args=[key.pk]), fields)

    found = keys.recognise(secret)
    assert found is not None
    assert (found.owner, found.name, found.scopes) == (owner, "renamed", ["read"])


def test_revoking_stops_the_chosen_keys_and_says_how_many(browser: Client, owner: User) -> None:
    (chosen, secret), (_, other_secret) = make_key(owner), make_key(owner)

    response = browser.post(KEYS, {"action": "revoke", "_selected_action": [chosen.pk]}, follow=True)

    assert keys.recognise(secret) is None
    assert keys.recognise(other_secret) is not None
    assert "Done for 1 API key." in response.content.decode()


def test_keys_cannot_be_deleted(browser: Client, owner: User) -> None:
    key, _ = make_key(owner)

    assert browser.post(reverse("admin:accounts_apikey_delete", args=[key.pk]), {"post": "yes"}).status_code == 403
    assert ApiKey.objects.exists()


def test_users_are_managed(browser: Client, owner: User) -> None:
    assert owner.username in browser.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert browser.get(reverse("admin:accounts_user_change", args=[owner.pk])).status_code == 200


def test_an_allowance_is_given_to_a_key_when_it_is_made_and_changed_later(browser: Client, owner: User) -> None:
    fields = {"owner": owner.pk, "name": "backups", "scopes": ["read"], "max_jobs_per_day": 5, "max_stored_bytes": ""}
    browser.post(reverse("admin:accounts_apikey_add"), fields)
    key = ApiKey.objects.get()
    assert (key.max_jobs_per_day, key.max_stored_bytes, key.max_running_jobs) == (5, None, None)

    browser.post(reverse("admin:accounts_apikey_change", args=[key.pk]), fields | {"max_running_jobs": 2})

    key.refresh_from_db()
    assert (key.max_jobs_per_day, key.max_running_jobs) == (5, 2)


def test_an_allowance_is_given_to_a_user(browser: Client, owner: User) -> None:
    page = browser.get(reverse("admin:accounts_user_change", args=[owner.pk]))
    fields = {name: value for name, value in page.context["adminform"].form.initial.items() if value is not None}
    joined = {"date_joined_0": "2026-11-22", "date_joined_1": "12:00:00"}

    response = browser.post(page.request["PATH_INFO"], fields | joined | {"max_jobs_per_day": 7})

    assert response.status_code == 302
    owner.refresh_from_db()
    assert (owner.max_jobs_per_day, owner.max_running_jobs) == (7, None)
