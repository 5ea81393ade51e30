"""The fields that people fill in about accounts."""

import math
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import attempts
from accounts.models import ApiKey, Scope, User

Check = Callable[[User, str], bool]


class SignInForm(AuthenticationForm):
    """Name and password. After too many wrong ones nothing is looked at for `wait_seconds`."""

    wait_seconds = 0
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("This name and password do not belong together. Mind capital letters."),
    }

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        attempt = attempts.begin(self.request, self.cleaned_data.get("username", ""))
        self.wait_seconds = attempt.wait_seconds
        if self.wait_seconds:
            raise ValidationError(too_many(self.wait_seconds), code="too_many")
        cleaned = super().clean()
        attempt.forgive()
        return cleaned


class PasswordForm(PasswordChangeForm):
    """The old password and a new one. Who has found an open browser may guess the old one no faster than a stranger."""

    wait_seconds = 0

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request

    def clean_old_password(self) -> str:
        attempt = attempts.begin(self.request, f"password of {self.user.get_username()}")
        self.wait_seconds = attempt.wait_seconds
        if self.wait_seconds:
            raise ValidationError(too_many(self.wait_seconds), code="too_many")
        old_password = super().clean_old_password()
        attempt.forgive()
        return old_password


class CodeForm(forms.Form):
    """A one-time code. After too many wrong ones nothing is looked at for `wait_seconds`."""

    wait_seconds = 0
    code = forms.CharField(
        label=_("Code from your app"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, check: Check, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request, self.user, self.check = request, user, check

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        attempt = attempts.begin(self.request, f"code of {self.user.get_username()}")
        self.wait_seconds = attempt.wait_seconds
        if self.wait_seconds:
            raise ValidationError(too_many(self.wait_seconds), code="too_many")
        if not self.check(self.user, code):
            raise ValidationError(_("This code is not right, or was used before. Wait for the next one."), code="wrong")
        attempt.forgive()
        return code


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """What a key is issued with; `keys.issue` makes the key itself."""

    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=[Scope.READ, Scope.WRITE],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("admin includes write, write includes read"),
    )

    class Meta:
        model = ApiKey
        fields = ("owner", "name", "scopes", "expires_at", "max_running_jobs", "max_jobs_per_day", "max_stored_bytes")
        help_texts = {
            "max_running_jobs": _("at once, of those of its owner; more wait"),
            "max_jobs_per_day": _("in any 24 hours, of those of its owner"),
            "max_stored_bytes": _("of results that are kept, of those of its owner"),
        }


def too_many(wait_seconds: int) -> str:
    """The sentence for who has to wait."""
    minutes = math.ceil(wait_seconds / 60)
    text = ngettext(
        "Too many wrong sign-ins. Try again in %(count)d minute.",
        "Too many wrong sign-ins. Try again in %(count)d minutes.",
        minutes,
    )
    return text % {"count": minutes}
