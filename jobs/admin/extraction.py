"""The operator's view of pages that were, are or will be read. Look-only: the rows clear themselves away."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.operator_pages import Keyset, LookOnly
from jobs.models import Extraction


@admin.register(Extraction)
class ExtractionAdmin(LookOnly, Keyset):
    list_display = ("public_id", "kind", "owner", "batch", "state", "error_code", "attempts", "created_at")
    list_filter = ("state", "kind", "error_code")
    list_select_related = ("owner", "batch")
    ordering = ("-id",)
    search_fields = ("public_id__startswith",)
    search_help_text = _("The beginning of an id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Extraction]:
        """Without what was found, which the list does not show; the row's own page fetches the answer."""
        return Extraction.objects.defer("answer", "known_info")
