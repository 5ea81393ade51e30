"""Callers who want what is not theirs: other people's objects, more than their key allows, no key at all."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import Scope, User
from accounts.vault import Sealed
from tests.attacks.endpoints import ENDPOINTS, FILES, OPEN, PAGES_WITH_ID, UNKNOWN, WITH_ID, WRITING, Endpoint, made
from tests.factories import make_job, make_key, make_user

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def caller(owner: User, **key: Any) -> APIClient:
    return APIClient(raise_request_exception=False, headers={"X-API-Key": make_key(owner, **key)[1]})


def call(client: APIClient, endpoint: Endpoint, values: dict[str, str]) -> Any:
    body = {} if endpoint.method in ("get", "delete") else {"data": {}, "format": "json"}
    return getattr(client, endpoint.method)(endpoint.path(**values), **body)


def row(model: Model) -> dict[str, Any] | None:
    """The columns as they are now; None when the row is gone."""
    found = type(model)._base_manager.filter(pk=model.pk).values().first()
    return found and {name: value.token if isinstance(value, Sealed) else value for name, value in found.items()}


@pytest.mark.parametrize("endpoint", [*WITH_ID, FILES], ids=str)
def test_what_belongs_to_somebody_else_is_as_if_it_were_not_there(endpoint: Endpoint) -> None:
    stranger = caller(make_user(is_staff=True, is_superuser=True), scopes=[Scope.ADMIN])
    theirs, values = made(endpoint.route, make_user())
    before = row(theirs)

    answer = call(stranger, endpoint, values)
    nothing = call(stranger, endpoint, UNKNOWN)

    assert (answer.status_code, nothing.status_code) == (404, 404)
    assert answer.json()["error"]["code"] == nothing.json()["error"]["code"]
    assert row(theirs) == before


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("route", sorted({endpoint.route for endpoint in WITH_ID}))
def test_no_method_tells_whether_an_id_exists(route: str, method: str) -> None:
    stranger = caller(make_user())
    _, values = made(route, make_user())
    endpoint = Endpoint(method, route)

    assert call(stranger, endpoint, values).status_code == call(stranger, endpoint, UNKNOWN).status_code


@pytest.mark.parametrize("endpoint", WRITING, ids=str)
def test_a_key_that_may_only_read_changes_nothing(endpoint: Endpoint, owner: User) -> None:
    mine, values = made(endpoint.route, owner) if "<" in endpoint.route else (owner, {})
    before = row(mine)

    answer = call(caller(owner, scopes=[Scope.READ]), endpoint, values)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "FORBIDDEN"
    assert row(mine) == before


def expired(owner: User) -> str:
    return make_key(owner, expires_at=timezone.now() - timedelta(seconds=1))[1]


def revoked(owner: User) -> str:
    key, secret = make_key(owner)
    keys.revoke(key)
    return secret


def of_somebody_who_left(owner: User) -> str:
    return make_key(make_user(is_active=False))[1]


def one_letter_off(owner: User) -> str:
    secret = make_key(owner)[1]
    return secret[:-1] + ("a" if secret[-1] != "a" else "b")


def its_digest(owner: User) -> str:
    return make_key(owner)[0].digest


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, FILES], ids=str)
def test_a_key_that_is_no_good_opens_nothing(endpoint: Endpoint, owner: User) -> None:
    values = made(endpoint.route, owner)[1] if "<" in endpoint.route else {}

    for bad in (expired, revoked, of_somebody_who_left, one_letter_off, its_digest):
        client = APIClient(raise_request_exception=False, headers={"X-API-Key": bad(owner)})
        answer = call(client, endpoint, values)
        assert answer.status_code == 401, bad.__name__
        assert answer.json()["error"]["code"] == "INVALID_API_KEY"
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, FILES], ids=str)
def test_without_a_key_nothing_opens(endpoint: Endpoint, owner: User) -> None:
    values = made(endpoint.route, owner)[1] if "<" in endpoint.route else {}

    answer = call(APIClient(raise_request_exception=False), endpoint, values)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "AUTHENTICATION_REQUIRED"


def test_open_without_a_key_is_what_the_contract_lists() -> None:
    assert {
        "api/v1/health",
        "api/v1/health/stats",
        "api/v1/readyz",
        "api/v1/stats",
        "docs",
        "files/<str:token>/<str:name>",
        "files/shared/<str:token>/<str:name>",
        "api/v1/metrics",  # guarded by itself: see tests/media_api/test_metrics.py
        "metrics",
        "healthz",
        "openapi.json",
        "readyz",
        "redoc",
        "version",
    } == set(OPEN)


@pytest.mark.parametrize("route", PAGES_WITH_ID)
@pytest.mark.parametrize("method", ["get", "post"])
def test_pages_of_somebody_elses_job_are_not_there(route: str, method: str, client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    _, values = made(route, make_user())
    endpoint = Endpoint(method, route)

    theirs = getattr(client, method)(endpoint.path(**values)).status_code
    nothing = getattr(client, method)(endpoint.path(**UNKNOWN)).status_code

    assert theirs == nothing
    assert theirs in (404, 405)


@pytest.mark.parametrize("route", PAGES_WITH_ID)
def test_pages_lead_strangers_to_the_sign_in(route: str, client: Client, owner: User) -> None:
    _, values = made(route, owner)

    response = client.post(Endpoint("post", route).path(**values))

    assert response.status_code in (302, 405)
    assert response.status_code == 405 or response["Location"].startswith(reverse("accounts:login"))


@pytest.mark.parametrize("endpoint", WRITING, ids=str)
def test_a_browser_changes_nothing_for_another_site(endpoint: Endpoint, owner: User) -> None:
    """A form on a foreign page is sent with the cookies, and without the token."""
    browser = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(owner)
    mine, values = made(endpoint.route, owner) if "<" in endpoint.route else (owner, {})
    before = row(mine)

    assert call(browser, endpoint, values).status_code == 403
    assert row(mine) == before


@pytest.mark.parametrize("path", ["/jobs", "/accounts/logout", "/accounts/password", "/accounts/second-factor"])
def test_a_page_changes_nothing_for_another_site(path: str, owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)

    assert browser.post(path, {"url": "https://media.example/v"}).status_code == 403
    assert "_auth_user_id" in browser.session


@pytest.mark.parametrize("path", ["/admin/", "/admin/jobs/job/", "/admin/accounts/apikey/", "/admin/accounts/user/"])
@pytest.mark.parametrize("fields", [{}, {"is_staff": True}, {"is_superuser": True}])
def test_the_administration_is_for_staff_with_the_right(path: str, fields: dict[str, bool], client: Client) -> None:
    client.force_login(make_user(**fields))

    status = client.get(path).status_code

    assert status in (302, 403) or (path == "/admin/" and fields == {"is_staff": True})


def test_a_key_opens_no_page_of_the_administration(owner: User) -> None:
    staff = make_user(is_staff=True, is_superuser=True)

    assert caller(staff, scopes=[Scope.ADMIN]).get("/admin/").status_code == 302


def test_the_cookie_of_a_session_is_out_of_reach_of_scripts_and_other_sites(client: Client, owner: User) -> None:
    client.post(reverse("accounts:login"), {"username": owner.username, "password": "a long password"})

    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_over_tls_cookies_never_travel_without(settings: Settings, client: Client, owner: User) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True

    client.get(reverse("accounts:login"), secure=True)
    client.post(reverse("accounts:login"), {"username": owner.username, "password": "a long password"}, secure=True)

    assert client.cookies["sessionid"]["secure"]
    assert client.cookies["csrftoken"]["secure"]


@pytest.mark.parametrize(
    "fields", [{"owner": 1}, {"owner_id": 1}, {"state": "completed"}, {"priority": 99}, {"api_key": 1}, {"id": 1}]
)
def test_nobody_assigns_what_is_not_theirs_to_set(fields: dict[str, Any], owner: User) -> None:
    body = {"url": "https://media.example/v", **fields}

    assert caller(owner).post("/api/v1/download", body, format="json").status_code == 422


def test_cookies_of_somebody_else_cannot_be_lent(owner: User) -> None:
    theirs, values = made("api/v1/cookies/", make_user())

    body = {"url": "https://media.example/v", "cookies_id": values["public_id"]}

    assert theirs.pk
    assert caller(owner).post("/api/v1/download", body, format="json").status_code == 422


def test_lists_show_the_callers_own_only(owner: User) -> None:
    for route in ("api/v1/download/", "api/v1/batch/", "api/v1/cookies/", "api/v1/webhooks/", "api/v1/archive/"):
        made(route, make_user())
    lists = [endpoint for endpoint in ENDPOINTS if endpoint.method == "get" and "<" not in endpoint.route]
    client = caller(owner)

    for endpoint in lists:
        answer = call(client, endpoint, {})
        assert answer.status_code in (200, 422), endpoint
        if answer.status_code == 200:
            found = [value for value in answer.json().values() if isinstance(value, list)]
            assert not any(found), endpoint


def test_jobs_of_somebody_else_are_not_found_by_any_filter(owner: User) -> None:
    make_job(make_user(), title="secret film", url="https://media.example/secret")

    for query in ("q=secret", "host=media.example", "status=queued"):
        assert caller(owner).get(f"/api/v1/download?{query}").json()["results"] == []
