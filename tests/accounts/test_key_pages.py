from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Scope, User
from tests.factories import make_job, make_key, make_user

pytestmark = pytest.mark.django_db
KEYS, SESSIONS = "/accounts/keys", "/accounts/sessions"


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.mark.parametrize("path", ["/accounts/", KEYS, SESSIONS, "/accounts/apps"])
def test_account_pages_are_for_who_is_signed_in(client: Client, browser: Client, path: str) -> None:
    assert Client().get(path)["Location"].startswith(reverse("accounts:login"))
    assert browser.get(path).status_code == 200


def test_a_new_key_works_and_is_shown_once(browser: Client, owner: User) -> None:
    response = browser.post(KEYS, {"name": "phone", "scope": "read", "days": "30"})

    secret = response.context["issued"].secret
    key = keys.recognise(secret)
    assert key is not None
    assert (key.owner, key.name, key.scopes) == (owner, "phone", [Scope.READ])
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)
    assert (response.status_code, secret in response.content.decode()) == (201, True)
    assert "no-store" in response["Cache-Control"]
    assert secret not in browser.get(KEYS).content.decode()


@pytest.mark.parametrize("wrong", [{"name": ""}, {"scope": "nonsense"}, {"days": "7000"}])
def test_a_wrong_wish_makes_no_key(browser: Client, wrong: dict[str, str]) -> None:
    response = browser.post(KEYS, {"name": "phone", "scope": "read", "days": "30", **wrong})

    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(("is_staff", "status"), [(False, 422), (True, 201)])
def test_only_staff_make_keys_for_everything(browser: Client, owner: User, is_staff: bool, status: int) -> None:
    User.objects.filter(pk=owner.pk).update(is_staff=is_staff)

    assert browser.post(KEYS, {"name": "phone", "scope": "admin", "days": ""}).status_code == status


def test_the_list_tells_what_a_key_may_do_in_the_words_it_was_chosen_by(browser: Client, owner: User) -> None:
    make_key(owner, scopes=[Scope.READ, Scope.WRITE])

    german = browser.get(KEYS, headers={"Accept-Language": "de"}).content.decode()

    assert "<span>Downloads ansehen, starten und ändern</span>" in german


def test_the_list_tells_what_a_key_was_used_for(browser: Client, owner: User) -> None:
    key, _ = make_key(owner)
    make_job(owner, api_key=key)
    make_key(make_user())

    response = browser.get(KEYS)

    assert [found.uses for found, _ in response.context["keys"]] == [1]
    assert "never used" in response.content.decode()


def test_revoking_a_key_shuts_it_out(browser: Client, owner: User) -> None:
    key, secret = make_key(owner)

    browser.post(reverse("accounts:revoke-key", args=[key.pk]))

    assert keys.recognise(secret) is None


def test_other_peoples_keys_cannot_be_revoked(browser: Client) -> None:
    key, secret = make_key(make_user())

    assert browser.post(reverse("accounts:revoke-key", args=[key.pk])).status_code == 404
    assert keys.recognise(secret) is not None


def signed_in(user: User) -> Client:
    other = Client()
    other.force_login(user)
    return other


def is_signed_in(client: Client) -> bool:
    return client.get("/accounts/").status_code == 200


def test_signing_out_everywhere_else_leaves_this_browser_and_other_people(browser: Client, owner: User) -> None:
    elsewhere, somebody = signed_in(owner), signed_in(make_user())
    assert len(browser.get(SESSIONS).context["sessions"]) == 2

    browser.post(reverse("accounts:end-sessions"))

    assert [is_signed_in(client) for client in (browser, elsewhere, somebody)] == [True, False, True]


def test_one_browser_can_be_signed_out(browser: Client, owner: User) -> None:
    first, second = signed_in(owner), signed_in(owner)
    sessions = browser.get(SESSIONS).context["sessions"]

    browser.post(reverse("accounts:end-sessions"), {"handle": sessions[1].handle})

    assert sessions[0].is_this
    assert sorted(is_signed_in(client) for client in (first, second)) == [False, True]


def test_the_bookmark_leads_here_with_the_page_it_is_clicked_on(browser: Client) -> None:
    text = browser.get("/accounts/apps").content.decode()

    assert "http://testserver/?url=" in text
    assert "encodeURIComponent(location.href)" in text
