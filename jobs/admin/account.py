"""The operators' pages of users and API keys, with what they use of their allowances."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import ApiKeyAdmin, PersonAdmin
from accounts.models import ApiKey, User
from jobs import quotas
from jobs.quotas import Account

USAGE = ("jobs_today", "jobs_running", "bytes_stored")


class Usage:
    """Read-only fields that tell what a row of these pages uses. To stand before the page's own class."""

    def account(self, row: Any) -> Account:
        raise NotImplementedError

    @admin.display(description=gettext_lazy("downloads in 24 hours"))
    def jobs_today(self, row: Any) -> str:
        account = self.account(row)
        return _of(account.used_today(), account.allowance.jobs_per_day)

    @admin.display(description=gettext_lazy("running now"))
    def jobs_running(self, row: Any) -> str:
        account = self.account(row)
        return _of(account.running(), account.allowance.running_jobs)

    @admin.display(description=gettext_lazy("stored"))
    def bytes_stored(self, row: Any) -> str:
        account = self.account(row)
        bound = account.allowance.stored_bytes
        return _of(filesizeformat(account.stored_bytes()), None if bound is None else filesizeformat(bound))


@admin.register(ApiKey)
class CountedKeyAdmin(Usage, ApiKeyAdmin):
    record = (*ApiKeyAdmin.record, *USAGE)

    def account(self, row: ApiKey) -> Account:
        return quotas.accounts_of(row.owner, row)[1]


@admin.register(User)
class CountedPersonAdmin(Usage, PersonAdmin):
    readonly_fields = USAGE

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        told = super().get_fieldsets(request, obj)
        return (*told, (_("Used"), {"fields": USAGE})) if obj else told

    def account(self, row: User) -> Account:
        return quotas.accounts_of(row, None)[0]


def _of(used: object, bound: object | None) -> str:
    return str(used) if bound is None else _("%(used)s of %(bound)s") % {"used": used, "bound": bound}
