"""The fields that people fill in about accounts."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Scope


class SignInForm(AuthenticationForm):
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("This name and password do not belong together. Mind capital letters."),
    }


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
