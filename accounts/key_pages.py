"""Pages on which people make, look at and revoke their API keys, and end their sessions."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from accounts import keys, sessions
from accounts.models import ApiKey, Scope, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LIFETIMES = (("30", _("30 days")), ("90", _("90 days")), ("365", _("1 year")), ("", _("Until it is revoked")))
SCOPES = ((Scope.READ.value, _("Look only")), (Scope.WRITE.value, _("Look, start and change downloads")))
ADMIN_SCOPE = (Scope.ADMIN.value, _("Everything, administration too"))
MOST_KEYS = 100


class NewKeyForm(forms.Form):
    """What people choose for a key of their own. Only staff hand out what only staff may do."""

    name = forms.CharField(
        label=_("What it is for"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    scope = forms.ChoiceField(
        label=_("What it may do"), choices=SCOPES, initial=Scope.WRITE.value, widget=forms.RadioSelect
    )
    days = forms.ChoiceField(label=_("How long it works"), choices=LIFETIMES, required=False, initial="365")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user
        if user.is_staff:
            cast(forms.ChoiceField, self.fields["scope"]).choices = [*SCOPES, ADMIN_SCOPE]

    def clean(self) -> dict[str, Any]:
        usable = ApiKey.objects.filter(owner=self.user, revoked_at__isnull=True)
        if usable.count() >= MOST_KEYS:
            raise forms.ValidationError(_("You have as many keys as there may be. Revoke one that you do not need."))
        return super().clean() or {}

    def issue(self) -> keys.IssuedKey:
        days = self.cleaned_data["days"]
        scope = self.cleaned_data["scope"]
        return keys.issue(
            self.user,
            self.cleaned_data["name"],
            scopes=[Scope.READ, Scope.WRITE] if scope == Scope.WRITE else [scope],
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
        )


def issued_by(form: NewKeyForm) -> keys.IssuedKey | None:
    """The key that the form asks for; None for one that is not valid."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=form.user.pk)  # two at once must not both be the last one
        return form.issue() if form.is_valid() else None


@never_cache
@login_required
@sensitive_variables("issued")
def api_keys(request: HttpRequest) -> HttpResponse:
    """All keys, and a new one. Its secret stands in the answer that makes it and nowhere else."""
    form = NewKeyForm(request.POST or None, user=_user(request))
    issued = issued_by(form) if request.method == "POST" else None
    status = 200 if request.method != "POST" else 201 if issued else 422
    context = {
        "form": NewKeyForm(user=_user(request)) if issued else form,
        "issued": issued,
        "has_docs": not settings.DISABLE_DOCS,
        # Whoever refers to keys names the way back "jobs".
        "keys": [(key, may(key)) for key in _user(request).api_keys.annotate(uses=Count("jobs"))],
    }
    return render(request, "accounts/keys.html", context, status=status)


def may(key: ApiKey) -> "StrOrPromise":
    """What the widest of its scopes lets it do, in the words that it was chosen by."""
    return next((words for scope, words in (ADMIN_SCOPE, *reversed(SCOPES)) if scope in key.scopes), "")


@require_POST
@login_required
def revoke_key(request: HttpRequest, key_id: int) -> HttpResponse:
    """The key stops working at once."""
    key = get_object_or_404(ApiKey, pk=key_id, owner=_user(request))
    keys.revoke(key)
    messages.success(request, _("The key %(name)s does not work any more.") % {"name": key.name})
    return redirect("accounts:keys")


@never_cache
@require_safe
@login_required
def signed_in(request: HttpRequest) -> HttpResponse:
    """Where this account is signed in."""
    found = sessions.sessions_of(_user(request), request.session.session_key)
    return render(request, "accounts/sessions.html", {"sessions": found})


@require_POST
@login_required
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Everywhere else, or in the one browser that `handle` names."""
    ended = sessions.end_others(_user(request), request.session.session_key, handle=request.POST.get("handle", ""))
    text = ngettext("Signed out in %(count)d browser.", "Signed out in %(count)d browsers.", ended)
    messages.success(request, text % {"count": ended})
    return redirect("accounts:sessions")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
