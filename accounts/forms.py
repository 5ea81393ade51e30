"""The fields that people fill in about accounts."""

import math
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import attempts
from accounts.models import ApiKey, Scope


class SignInForm(AuthenticationForm):
    """Name and password. After too many wrong ones nothing is looked at for `wait_seconds`."""

    wait_seconds = 0
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("This name and password do not belong together. Mind capital letters."),
    }

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        name = self.cleaned_data.get("username", "")
        self.wait_seconds = attempts.seconds_to_wait(self.request, name)
        if self.wait_seconds:
            raise ValidationError(_too_many(self.wait_seconds), code="too_many")
        try:
            return super().clean()
        except ValidationError:
            attempts.count_failure(self.request, name)
            raise


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
        fields = ("owner", "name", "scopes", "expires_at")


def _too_many(wait_seconds: int) -> str:
    minutes = math.ceil(wait_seconds / 60)
    text = ngettext(
        "Too many wrong sign-ins. Try again in %(count)d minute.",
        "Too many wrong sign-ins. Try again in %(count)d minutes.",
        minutes,
    )
    return text % {"count": minutes}
