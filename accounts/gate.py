"""With REQUIRE_STAFF_OTP, staff do nothing in their browser before they have given a one-time code."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import second_factor
from accounts.models import User

VERIFIED = "second_factor_at"  # in the session of who gave a code, with the time of that
OPEN = ("accounts:second-factor", "accounts:logout", "accounts:login", "accounts:second-step")


class StaffGateMiddleware:
    """Leads staff without one to where it is set up; who has one already has to sign in anew. API keys pass."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.REQUIRE_STAFF_OTP or not _lacks_code(request):
            return self.get_response(request)
        if request.path_info in {reverse(name) for name in OPEN}:
            return self.get_response(request)
        if not request.accepts("text/html") or request.method not in ("GET", "HEAD"):
            raise PermissionDenied("Staff need a one-time code here: sign in with one.")
        assert isinstance(request.user, User)
        if second_factor.is_on(request.user):
            logout(request)
            return redirect("accounts:login")
        return redirect("accounts:second-factor")


def _lacks_code(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_staff and VERIFIED not in request.session
