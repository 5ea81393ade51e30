"""The operator's pages of users and API keys. A key is shown once, when it is made; nobody can read it later."""

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import keys
from accounts.forms import KeyForm
from accounts.models import ApiKey, User

admin.site.site_header = admin.site.site_title = settings.APP_NAME
admin.site.register(User, UserAdmin)


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    form = KeyForm
    list_display = ("prefix", "name", "owner", "scope_list", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("owner",)
    search_fields = ("prefix__startswith", "owner__username")
    show_full_result_count = False
    fields = ("owner", "name", "scopes", "expires_at")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        record = ("prefix", "created_at", "last_used_at", "revoked_at") if obj else ()
        return (*self.fields, *record)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return ("owner", "prefix", "created_at", "last_used_at", "revoked_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Keys are revoked: their rows tell later which of them made a job."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: "ModelForm[ApiKey]", change: bool) -> None:
        if change:
            obj.save(update_fields=["name", "scopes", "expires_at"])
            return
        issued = keys.issue(obj.owner, obj.name, scopes=obj.scopes, expires_at=obj.expires_at)
        obj.pk = issued.key.pk
        obj.prefix = issued.key.prefix
        text = _("The new key is %(secret)s . Copy it now: it cannot be shown again.") % {"secret": issued.secret}
        self.message_user(request, text, messages.WARNING)

    @admin.display(description=_("scopes"))
    def scope_list(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        usable = list(chosen.filter(revoked_at__isnull=True))
        for key in usable:
            keys.revoke(key)
        text = ngettext("%d key was revoked.", "%d keys were revoked.", len(usable)) % len(usable)
        self.message_user(request, text, messages.SUCCESS)
