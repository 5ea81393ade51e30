"""The operators' pages of users, API keys, cookie jars and of what operators did. A key is shown once, when it is made;
nobody can read it later, and a cookie never.

Pages that tell what somebody uses are registered by `jobs.admin.account`, which can count it.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from accounts import audit, cookies, keys
from accounts.forms import KeyForm
from accounts.models import ApiKey, AuditEntry, CookieJar
from accounts.operator_pages import Audited, Keyset, LookOnly, TextFilter, actor_of, tell

admin.site.site_header = admin.site.site_title = settings.APP_NAME
admin.site.index_title = _("Administration")
admin.site.unregister(Group)
ALLOWANCE = ("max_running_jobs", "max_jobs_per_day", "max_stored_bytes")


class PersonAdmin(Audited, UserAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    fieldsets = (*(UserAdmin.fieldsets or ()), (_("Allowance"), {"fields": ALLOWANCE}))
    list_display = ("username", "email", "is_staff", "is_active", "last_login", *ALLOWANCE)


@admin.register(Group)
class AuditedGroupAdmin(Audited, GroupAdmin):
    pass


class ApiKeyAdmin(Audited):
    form = KeyForm
    list_display = ("prefix", "name", "owner", "scope_list", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("owner",)
    search_fields = ("prefix__startswith", "owner__username")
    search_help_text = _("The beginning of a key, or its owner's name")
    show_full_result_count = False
    autocomplete_fields = ("owner",)
    fields = ("owner", "name", "scopes", "expires_at", *ALLOWANCE)
    record: tuple[str, ...] = ("prefix", "created_at", "last_used_at", "revoked_at")
    actions = ("rotate", "revoke")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return (*self.fields, *(self.record if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("owner", *self.record) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Keys are revoked: their rows tell later which of them made a job."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: "ModelForm[ApiKey]", change: bool) -> None:
        if change:
            obj.save(update_fields=["name", "scopes", "expires_at", *ALLOWANCE])
            return
        issued = keys.issue(obj.owner, obj.name, scopes=obj.scopes, expires_at=obj.expires_at)
        obj.pk = issued.key.pk
        obj.save(update_fields=ALLOWANCE)
        obj.prefix = issued.key.prefix
        request.issued_keys = [issued]  # type: ignore[attr-defined]  # for response_add, and nothing that is stored

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The secret stands in this answer and nowhere else: no redirect could show it without storing it."""
        return self._shown_once(request, request.issued_keys)  # type: ignore[attr-defined]

    @admin.display(description=_("scopes"))
    def scope_list(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.action(description=_("Rotate: new secrets, the old ones stop working"), permissions=["change"])
    def rotate(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> HttpResponse | None:
        usable, refusals = _usable(chosen)
        issued = [keys.rotate(key) for key in usable]
        audit.record(actor_of(request), "rotate", "API key", [str(key) for key in usable], refusals=refusals)
        tell(request, ApiKey, len(usable), refusals)
        return self._shown_once(request, issued) if issued else None

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        usable, refusals = _usable(chosen)
        for key in usable:
            keys.revoke(key)
        audit.record(actor_of(request), "revoke", "API key", [str(key) for key in usable], refusals=refusals)
        tell(request, ApiKey, len(usable), refusals)

    def _shown_once(self, request: HttpRequest, issued: list[keys.IssuedKey]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Copy it now"),
            "opts": self.opts,
            "issued": issued,
            "list_url": reverse("admin:accounts_apikey_changelist"),
        }
        response = TemplateResponse(request, "admin/accounts/apikey/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response


@admin.register(CookieJar)
class CookieJarAdmin(Audited):
    """Looks, and deletes. Downloads that wait with a deleted jar go on without cookies: nobody is asked here."""

    list_display = ("name", "owner", "domain_list", "status", "expires_at", "last_used_at", "test_result")
    list_select_related = ("owner",)
    search_fields = ("public_id__startswith", "owner__username")
    show_full_result_count = False
    fields = (
        *("public_id", "owner", "name", "domain_list", "status", "created_at", "updated_at", "expires_at"),
        *("last_used_at", "tested_at", "test_result"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CookieJar]:
        return CookieJar.objects.defer("content")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: CookieJar | None = None) -> bool:
        return False

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], Any, Any]:
        """The jars alone: what was found with them, and goes with them, is a cache that nobody misses."""
        names = [str(jar) for jar in objs]
        return names, {str(CookieJar._meta.verbose_name_plural): len(names)}, set(), []

    @admin.display(description=_("domains"))
    def domain_list(self, jar: CookieJar) -> str:
        return ", ".join(jar.domains)

    @admin.display(description=_("status"))
    def status(self, jar: CookieJar) -> str:
        return cookies.status_of(jar).value


class ActorFilter(TextFilter):
    title, parameter_name = _("who"), "who"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(actor_name=self.typed()) if self.typed() else queryset


class ActionFilter(TextFilter):
    title, parameter_name = _("action"), "did"

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(action=self.typed()) if self.typed() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnly, Keyset):
    """Nobody changes what was recorded: no page here can, and no service does."""

    list_display = ("at", "actor_name", "source", "action", "kind", "subject_names", "done", "left")
    list_filter = (ActorFilter, ActionFilter)
    fields = ("at", "actor_name", "source", "action", "kind", "subject_list", "done", "left", "details")

    @admin.display(description=_("what"))
    def subject_names(self, entry: AuditEntry) -> str:
        first, more = entry.subjects[:2], entry.done - 2
        return f"{', '.join(first)} +{more}" if first and more > 0 else ", ".join(first)

    @admin.display(description=_("what"))
    def subject_list(self, entry: AuditEntry) -> str:
        return format_html_join("", "<div>{}</div>", ((name,) for name in entry.subjects)) or "-"


def _usable(chosen: QuerySet[ApiKey]) -> tuple[list[ApiKey], list[str]]:
    """Those that are not revoked, and a sentence for each of the others."""
    rows = list(chosen.select_related("owner"))
    return [key for key in rows if not key.revoked_at], [f"{key} is revoked already." for key in rows if key.revoked_at]
