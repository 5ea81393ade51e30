"""The operators' view of what is counted for the metrics. Look-only: these sums outlive the rows that they count."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.operator_pages import Keyset, LookOnly, TextFilter
from jobs.models import Tally, TallyEntry


class SiteFilter(TextFilter):
    title = _("site")
    parameter_name = "site"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(site=self.typed().lower()) if self.typed() else queryset


@admin.register(Tally)
class TallyAdmin(LookOnly, Keyset):
    """A few thousand rows at most: `METRICS_SITES` bounds them."""

    list_display = ("kind", "site", "label", "times", "seconds", "size_bytes", "changed_at")
    list_filter = ("kind", SiteFilter)
    ordering = ("-id",)


@admin.register(TallyEntry)
class TallyEntryAdmin(LookOnly, Keyset):
    """What a worker has not added up yet: seconds old, unless no worker lives."""

    list_display = ("kind", "site", "label", "times", "seconds", "size_bytes")
    list_filter = ("kind", SiteFilter)
    ordering = ("-id",)
