"""Pages on which people look after their own account: the password, and one-time codes beside it."""

import time
from typing import Any

from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.generic import FormView

from accounts import second_factor
from accounts.forms import CodeForm, PasswordForm
from accounts.gate import VERIFIED
from accounts.models import SecondFactor, User
from accounts.views import told_to_wait


class Password(views.PasswordChangeView):
    """A new password ends every other session of its owner: the framework binds sessions to the password."""

    template_name = "accounts/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("accounts:password")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password is changed. Everywhere else you are signed out."))
        return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        return told_to_wait(super().form_invalid(form), form.wait_seconds)


@method_decorator(never_cache, name="dispatch")
class SecondFactorPage(LoginRequiredMixin, FormView):  # type: ignore[type-arg]  # generic in the stubs only
    """Turns one-time codes on with the first right code, and off with another one."""

    template_name = "accounts/second_factor.html"
    form_class = CodeForm
    success_url = reverse_lazy("accounts:second-factor")

    def user(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_form_kwargs(self) -> dict[str, Any]:
        check = second_factor.accept if second_factor.is_on(self.user()) else second_factor.confirm
        return super().get_form_kwargs() | {"request": self.request, "user": self.user(), "check": check}

    @sensitive_variables("secret")
    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        if second_factor.is_on(self.user()):
            return context | {"is_on": True}
        # The same secret while codes for it are tried: it is in the app already.
        begun = SecondFactor.objects.filter(owner=self.user()).first() if self.request.method == "POST" else None
        secret = begun.secret.reveal() if begun else second_factor.begin(self.user())
        groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        return context | {"secret": groups, "uri": second_factor.uri(self.user(), secret)}

    def form_valid(self, form: CodeForm) -> HttpResponse:
        if form.check is second_factor.confirm:
            self.request.session.cycle_key()
            self.request.session[VERIFIED] = int(time.time())
            messages.success(self.request, _("One-time codes are on. You are asked for one when you sign in."))
        else:
            second_factor.turn_off(self.user())
            self.request.session.pop(VERIFIED, None)
            messages.success(self.request, _("One-time codes are off."))
        return redirect(self.success_url)

    def form_invalid(self, form: CodeForm) -> HttpResponse:
        return told_to_wait(super().form_invalid(form), form.wait_seconds)
