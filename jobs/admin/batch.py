"""The operators' pages of batches and archives. They look; what changes a batch goes through its services."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.operator_pages import Keyset, KeysetList, LookOnly, Operated, actor_of, tell
from jobs import asking, batch_services, queries
from jobs.bulk import Outcome
from jobs.models import ArchiveEntry, Batch
from jobs.states import TERMINAL

TITLE_CHARACTERS = 40


class BatchList(KeysetList):
    """With the figures of the page's batches, read at once: over all batches they would be those of all jobs."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        figures = queries.figures_of(self.result_list)
        for batch in self.result_list:
            batch.figures = figures[batch.pk]


@admin.register(Batch)
class BatchAdmin(LookOnly, Operated, Keyset):
    list_display = ("public_id", "kind", "short_title", "owner", "state", "progress", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("owner",)
    search_fields = ("public_id__startswith",)
    search_help_text = _("The beginning of a batch's id")
    actions = ("cancel", "retry")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Without the wide columns, which the list does not show."""
        return Batch.objects.defer("options", "selection")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return BatchList

    @admin.display(description=_("title"))
    def short_title(self, batch: Batch) -> str:
        return Truncator(batch.title or batch.url).chars(TITLE_CHARACTERS)

    @admin.display(description=_("progress"))
    def progress(self, batch: Any) -> str:
        return f"{batch.figures.of(*TERMINAL)}/{batch.figures.total()}"

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Batch]) -> None:
        self._apply(request, chosen, "cancel", partial(batch_services.cancel_batch, wait=False))

    @admin.action(description=_("Try what failed again"), permissions=["operate"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Batch]) -> None:
        self._apply(request, chosen, "retry", batch_services.retry_batch)

    def _apply(self, request: HttpRequest, chosen: QuerySet[Batch], verb: str, change: Callable[[Batch], int]) -> None:
        """Each batch by itself: one that refuses does not keep the others from it."""
        outcome = Outcome()
        with asking.as_operator():
            touched = [batch.public_id for batch in chosen if outcome.attempt(change, batch)]
        audit.record(actor_of(request), verb, "batch", touched, refusals=outcome.refusals)
        tell(request, Batch, outcome.done, outcome.refusals)


@admin.register(ArchiveEntry)
class ArchiveEntryAdmin(LookOnly, Keyset):
    list_display = ("extractor", "video_id", "owner", "created_at")
    list_select_related = ("owner",)
    ordering = ("-id",)
    search_fields = ("video_id__exact",)
    search_help_text = _("A video's whole id")
