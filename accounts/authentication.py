"""Who calls the API, and whether the caller may. How a key is made and recognised is in `keys`."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from accounts import keys
from accounts.models import ApiKey, Scope, User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module when it is loaded

INVALID_KEY = "invalid_api_key"


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`X-API-Key: <key>`, or `Authorization: Bearer <key>`."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[User, ApiKey] | None:
        """The key's owner and the key; None when none is sent. Raises AuthenticationFailed for a bad one."""
        secret = carried_key(request)
        if not secret:
            return None
        key = keys.recognise(secret)
        if key is None:
            raise exceptions.AuthenticationFailed("This API key is unknown, expired or revoked.", code=INVALID_KEY)
        keys.touch(key)
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """People who are signed in, in their browser; every call that changes something needs a CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        """The body is read before, for the check may parse a form and leave no body behind. Raises if it is too big."""
        request._request.body  # noqa: B018
        super().enforce_csrf(request)


class MayCall(permissions.BasePermission):
    """Keys may do what their scopes say, people what they like with their own, strangers if REQUIRE_API_KEY is off."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if isinstance(request.auth, ApiKey):
            scope = Scope.READ if request.method in permissions.SAFE_METHODS else Scope.WRITE
            if not keys.allows(request.auth, scope):
                raise exceptions.PermissionDenied(f"This API key lacks the scope “{scope.value}”.")
            return True
        return bool(request.user.is_authenticated) or not settings.REQUIRE_API_KEY


def caller(request: Request) -> User:
    """The user whom the request acts for: the shared anonymous one for callers without a key."""
    user: User | AnonymousUser = request.user
    return user if isinstance(user, User) else User.objects.anonymous()


def carried_key(request: Request | HttpRequest) -> str:
    """The key as sent, not checked; empty when there is none."""
    sent = request.headers.get("X-API-Key", "").strip()
    if sent:
        return sent
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""
