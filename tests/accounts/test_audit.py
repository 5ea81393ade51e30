"""What operators do is recorded, can be read, and is changed by nobody."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import audit, keys
from accounts.models import AuditEntry, User
from tests.factories import make_key, make_user

pytestmark = pytest.mark.django_db
ENTRIES = reverse("admin:accounts_auditentry_changelist")
KEYS = reverse("admin:accounts_apikey_changelist")


@pytest.fixture
def operator() -> User:
    return make_user(is_staff=True, is_superuser=True)


@pytest.fixture
def browser(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def key_fields(owner: User) -> dict[str, Any]:
    return {"owner": owner.pk, "name": "backups", "scopes": ["read"], "expires_at_0": "", "expires_at_1": ""}


def told() -> list[tuple[str, str, int]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "kind", "done"))


def test_what_is_added_changed_and_done_by_hand_is_recorded(browser: Client, operator: User, owner: User) -> None:
    browser.post(reverse("admin:accounts_apikey_add"), key_fields(owner))
    key = owner.api_keys.get()
    browser.post(reverse("admin:accounts_apikey_change", args=[key.pk]), key_fields(owner) | {"name": "renamed"})
    browser.post(KEYS, {"action": "revoke", "_selected_action": [key.pk]})

    assert told() == [("add", "API key", 1), ("change", "API key", 1), ("revoke", "API key", 1)]
    entry = AuditEntry.objects.get(action="change")
    assert (entry.actor, entry.details) == (operator, "Name")
    text = browser.get(ENTRIES).content.decode()
    assert [word for word in (operator.username, "revoke", str(key)) if word not in text] == []


def test_changes_of_users_and_their_passwords_are_recorded_without_them(browser: Client, owner: User) -> None:
    path = reverse("admin:auth_user_password_change", args=[owner.pk])
    secret = "correct-horse-battery"

    browser.post(path, {"password1": secret, "password2": secret, "usable_password": "true"})

    owner.refresh_from_db()
    assert owner.check_password(secret)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subjects) == ("change", [owner.username])
    assert secret not in entry.details


def test_deleted_rows_are_named(browser: Client, owner: User) -> None:
    name = owner.username

    browser.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"})

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subjects) == ("delete", [name])


def test_the_record_outlives_who_made_it(browser: Client, operator: User, owner: User) -> None:
    audit.record(audit.in_admin(owner), "cancel", "job", ["req_1"])
    name = owner.username

    owner.delete()

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_name) == (None, name)


def test_nobody_changes_what_was_recorded(browser: Client, owner: User) -> None:
    entry = audit.record(audit.at_the_shell(), "cancel", "job", ["req_1"], refusals=["It was over."])

    assert browser.get(reverse("admin:accounts_auditentry_change", args=[entry.pk])).status_code == 200
    for name, arguments in (("add", []), ("change", [entry.pk]), ("delete", [entry.pk])):
        path = reverse(f"admin:accounts_auditentry_{name}", args=arguments)
        assert browser.post(path, {"post": "yes", "action": "x"}).status_code == 403


def test_entries_are_filtered_by_who_and_what(browser: Client, owner: User) -> None:
    audit.record(audit.in_admin(owner), "cancel", "job", ["req_mine"])
    audit.record(audit.at_the_shell(), "cancel", "job", ["req_other"])

    text = browser.get(ENTRIES, {"who": owner.username, "did": "cancel"}).content.decode()

    assert ("req_mine" in text, "req_other" in text) == (True, False)


def test_long_lists_and_reasons_are_cut_and_counted() -> None:
    entry = audit.record(
        audit.at_the_shell(), "cancel", "job", [f"req_{n}" for n in range(500)], refusals=["No."] * 900
    )

    assert (entry.done, entry.left, len(entry.subjects)) == (500, 900, audit.SUBJECTS_KEPT)
    assert len(entry.details) <= audit.LONGEST_DETAILS


def test_rotating_shows_the_new_secret_once_and_ends_the_old_one(browser: Client, owner: User) -> None:
    key, old = make_key(owner, scopes=["read"])
    revoked, _ = make_key(owner)
    keys.revoke(revoked)

    response = browser.post(KEYS, {"action": "rotate", "_selected_action": [key.pk, revoked.pk]})

    text = response.content.decode()
    new = re.findall(r'<code class="secret">([^<]+)</code>', text)[0]
    found = keys.recognise(new)
    assert found is not None
    assert (found.pk, found.scopes) == (key.pk, ["read"])
    assert keys.recognise(old) is None
    assert "no-store" in response.headers["Cache-Control"]
    assert "1 API key was left alone" in text
    assert new not in browser.get(KEYS).content.decode()
    assert new not in f"{AuditEntry.objects.get().subjects}{AuditEntry.objects.get().details}"


def test_a_keys_and_a_users_page_tell_what_they_use(browser: Client, owner: User) -> None:
    owner.max_jobs_per_day = 7
    owner.save(update_fields=["max_jobs_per_day"])
    key, _ = make_key(owner)

    key_page = browser.get(reverse("admin:accounts_apikey_change", args=[key.pk])).content.decode()
    user_page = browser.get(reverse("admin:accounts_user_change", args=[owner.pk])).content.decode()

    assert "Downloads in 24 hours" in key_page
    assert "0 of 7" in user_page
