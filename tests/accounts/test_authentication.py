from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from pytest_django import Settings
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts import keys
from accounts.authentication import ApiKeyAuthentication, MayCall, caller
from accounts.models import ApiKey, User
from tests.factories import make_key, make_user


def request_with(method: str = "GET", **headers: str) -> Request:
    return Request(APIRequestFactory().generic(method, "/", headers=headers))


def request_of(user: User | AnonymousUser, auth: ApiKey | None = None, method: str = "GET") -> Request:
    request = request_with(method)
    request.user, request.auth = user, auth
    return request


@pytest.mark.parametrize(
    "header", [("X-API-Key", "{}"), ("Authorization", "Bearer {}"), ("Authorization", "bearer  {}")]
)
def test_a_key_is_read_from_either_header(owner: User, header: tuple[str, str]) -> None:
    key, secret = make_key(owner)

    found = ApiKeyAuthentication().authenticate(request_with(**{header[0]: header[1].format(secret)}))

    assert found == (owner, key)


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": " "}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}]
)
def test_a_request_without_a_key_is_left_to_others(headers: dict[str, str]) -> None:
    assert ApiKeyAuthentication().authenticate(request_with(**headers)) is None


def test_a_key_in_its_own_header_counts_before_a_bearer_token(owner: User) -> None:
    key, secret = make_key(owner)

    found = ApiKeyAuthentication().authenticate(request_with(**{"X-API-Key": secret, "Authorization": "Bearer wrong"}))

    assert found == (owner, key)


def test_unusable_keys_are_refused_alike(owner: User) -> None:
    revoked, revoked_secret = make_key(owner)
    keys.revoke(revoked)
    _, expired_secret = make_key(owner, expires_at=timezone.now() - timedelta(seconds=1))
    _, orphaned_secret = make_key(make_user(is_active=False))
    messages = set()

    for secret in ("unknown", revoked_secret, expired_secret, orphaned_secret, "ümlaut"):
        with pytest.raises(AuthenticationFailed) as refusal:
            ApiKeyAuthentication().authenticate(request_with(**{"X-API-Key": secret}))
        messages.add(str(refusal.value))

    assert len(messages) == 1


def test_using_a_key_notes_when(owner: User) -> None:
    key, secret = make_key(owner)

    ApiKeyAuthentication().authenticate(request_with(**{"X-API-Key": secret}))

    key.refresh_from_db()
    assert key.last_used_at is not None
    assert timezone.now() - key.last_used_at < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("scopes", "method", "may"),
    [
        (["read"], "GET", True),
        (["read"], "POST", False),
        (["write"], "GET", True),
        (["write"], "DELETE", True),
        (["admin"], "POST", True),
        ([], "GET", False),
    ],
)
def test_scopes_decide_what_a_key_may_do(owner: User, scopes: list[str], method: str, may: bool) -> None:
    key, _ = make_key(owner, scopes=scopes)
    request = request_of(owner, key, method)

    if may:
        assert MayCall().has_permission(request, APIView())
        return
    with pytest.raises(PermissionDenied, match="read" if method == "GET" else "write"):
        MayCall().has_permission(request, APIView())


@pytest.mark.parametrize("required", [True, False])
def test_strangers_may_call_only_when_no_key_is_required(settings: Settings, required: bool) -> None:
    settings.REQUIRE_API_KEY = required

    assert MayCall().has_permission(request_of(AnonymousUser()), APIView()) is not required


@pytest.mark.django_db
def test_strangers_act_as_one_user_who_cannot_sign_in() -> None:
    first, second = caller(request_of(AnonymousUser())), caller(request_of(AnonymousUser()))

    assert first == second
    assert not first.is_active
    assert not first.check_password("!")


def test_people_act_as_themselves(owner: User) -> None:
    assert caller(request_of(owner)) == owner
