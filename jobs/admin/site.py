"""The operators' pages of sites: which are spared, and the links by which sites are watched."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminURLFieldWidget
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.models import User
from accounts.operator_pages import Audited, LookOnly, Operated, actor_of, tell
from jobs import canaries, circuit, links
from jobs.errors import LinkRefused
from jobs.models import ProbeLink, Site


@admin.register(Site)
class SiteAdmin(LookOnly, Operated):
    list_display = ("host", "refusals", "holds", "last_refused_at", "held_until", "is_held")
    search_fields = ("host__startswith",)
    search_help_text = _("The beginning of a host name")
    actions = ("release",)

    @admin.display(boolean=True, description=_("held"))
    def is_held(self, site: Site) -> bool:
        return site.held_until is not None and site.held_until > timezone.now()

    @admin.action(description=_("Release: start downloads again"), permissions=["operate"])
    def release(self, request: HttpRequest, chosen: QuerySet[Site]) -> None:
        released = [host for host in chosen.values_list("host", flat=True) if circuit.release(host)]
        audit.record(actor_of(request), "release", "site", released)
        tell(request, Site, len(released), [])


class ProbeLinkForm(forms.ModelForm):  # type: ignore[type-arg]
    url = forms.URLField(
        label=_("link"),
        max_length=2000,
        assume_scheme="https",
        help_text=_("a page of the site that will stay"),
        widget=AdminURLFieldWidget,
    )

    class Meta:
        model = ProbeLink
        fields = ("url", "is_active")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            self.instance.host = links.accepted_host(url)
        except LinkRefused as refusal:
            raise ValidationError(str(refusal)) from refusal
        return url


@admin.register(ProbeLink)
class ProbeLinkAdmin(Audited):
    form = ProbeLinkForm
    list_display = ("host", "url", "is_active", "works", "failing_since", "error_code", "checked_at", "due_at")
    list_filter = ("is_active",)
    search_fields = ("host__startswith",)
    search_help_text = _("The beginning of a host name")
    readonly_fields = ("host", "owner", "checked_at", "due_at", "failures", "failing_since", "error_code", "error")
    actions = ("check_now",)

    def get_fields(self, request: HttpRequest, obj: ProbeLink | None = None) -> tuple[str, ...]:
        return ("url", "is_active", *(self.readonly_fields if obj else ()))

    def save_model(self, request: HttpRequest, obj: ProbeLink, form: Any, change: bool) -> None:
        if not change:
            assert isinstance(request.user, User)
            canaries.add(request.user, obj)
            return
        canaries.change(obj)

    @admin.display(boolean=True, description=_("works"))
    def works(self, probe: ProbeLink) -> bool | None:
        return None if probe.checked_at is None else probe.failures < canaries.FAILURES_TOLD

    @admin.action(description=_("Read now"), permissions=["change"])
    def check_now(self, request: HttpRequest, chosen: QuerySet[ProbeLink]) -> None:
        asked = canaries.hurry(chosen)
        audit.record(actor_of(request), "read now", "probe link", [str(probe) for probe in chosen])
        tell(request, ProbeLink, asked, [])
