"""Signing in and out. What people do with their own account is in `account`."""

import time
from typing import Any

from django.contrib.auth import login, views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import RedirectURLMixin, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from accounts import second_factor
from accounts.forms import CodeForm, SignInForm
from accounts.gate import VERIFIED
from accounts.models import User

HALF_WAY = "half_signed_in"  # in the session of who gave the right password, and no code yet
HALF_WAY_SECONDS = 300


class SignIn(views.LoginView):
    """Name and password; who has set up one-time codes is asked for one next."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        assert isinstance(user, User)
        if not second_factor.is_on(user):
            return super().form_valid(form)
        self.request.session.cycle_key()
        backend = str(getattr(user, "backend", ""))
        self.request.session[HALF_WAY] = [user.pk, backend, user.get_session_auth_hash(), int(time.time())]
        target = urlencode({"next": self.get_redirect_url()})
        return redirect(f"{reverse('accounts:second-step')}?{target}")

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        assert isinstance(form, SignInForm)
        return told_to_wait(super().form_invalid(form), form.wait_seconds)


@method_decorator(never_cache, name="dispatch")
class SecondStep(RedirectURLMixin, FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """The one-time code, of who gave the right password within the last five minutes."""

    template_name = "accounts/second_step.html"
    form_class = CodeForm
    next_page = "jobs:home"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.half_way = _half_way(request)
        if self.half_way is None:
            return redirect("accounts:login")
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {
            "request": self.request,
            "user": self.half_way,
            "check": second_factor.accept,
        }

    def form_valid(self, form: CodeForm) -> HttpResponse:
        backend = self.request.session.pop(HALF_WAY)[1]
        login(self.request, form.user, backend=backend)
        self.request.session[VERIFIED] = int(time.time())
        return redirect(self.get_success_url())

    def form_invalid(self, form: CodeForm) -> HttpResponse:
        return told_to_wait(super().form_invalid(form), form.wait_seconds)


def told_to_wait(response: HttpResponse, wait_seconds: int) -> HttpResponse:
    """The response as a 429, if there is something to wait for."""
    if wait_seconds:
        response.status_code = 429
        response["Retry-After"] = str(wait_seconds)
    return response


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in counts no attempts: people sign in where everybody does. Signed in, they are told no."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", reverse("admin:index")), reverse("accounts:login"))


def _half_way(request: HttpRequest) -> User | None:
    user_id, _, password_hash, since = request.session.get(HALF_WAY, (0, "", "", 0))
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or time.time() - since > HALF_WAY_SECONDS:
        return None
    return user if constant_time_compare(password_hash, user.get_session_auth_hash()) else None
