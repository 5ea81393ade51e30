"""The operator's pages of jobs and workers. They look; what changes a job goes through services."""

from collections.abc import Callable
from functools import partial

from django.apps import apps
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from jobs import queries, services
from jobs.errors import StateConflict
from jobs.models import Job, JobEvent, MediaFile, Worker

# django-q2's own pages would let an operator run any function; its rows are wake-ups that nobody needs to see.
for model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(model):
        admin.site.unregister(model)

REASONS_SHOWN = 5
TITLE_CHARACTERS = 40


class LookOnly:
    """No adding, changing or deleting: the rows are the service's own record."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class EventInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = JobEvent
    fields = ("at", "source", "target", "attempt", "reason")


class FileInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = MediaFile
    fields = readonly_fields = ("public_id", "role", "path", "size_bytes", "sha256", "deleted_at")


@admin.register(Job)
class JobAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("public_id", "short_title", "host", "owner", "state", "error_code", "created_at")
    list_filter = ("state", "error_code")
    list_select_related = ("owner",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("public_id__startswith",)
    search_help_text = _("The beginning of a job's id")
    inlines = (EventInline, FileInline)
    actions = ("pause", "cancel", "retry")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Without the wide columns, which the list does not show; the job's own page fetches them."""
        return Job.objects.defer("metadata", "provenance", "options")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the operator may use the actions: what `change` is for other models."""
        user = request.user
        return isinstance(user, User) and user.has_perm("jobs.change_job")

    @admin.display(description=_("title"))
    def short_title(self, job: Job) -> str:
        return Truncator(job.title).chars(TITLE_CHARACTERS)

    @admin.action(description=_("Pause"), permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        self._apply(request, chosen, partial(services.pause, wait=False))

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        self._apply(request, chosen, partial(services.cancel, wait=False))

    @admin.action(description=_("Try again"), permissions=["operate"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        self._apply(request, chosen, services.retry)

    def _apply(self, request: HttpRequest, chosen: QuerySet[Job], verb: Callable[[Job], Job]) -> None:
        """Each job by itself: one that refuses does not keep the others from it."""
        refusals: list[str] = []
        touched = 0
        for job in chosen:
            try:
                verb(job)
            except StateConflict as refusal:
                refusals.append(str(refusal))
            else:
                touched += 1
        self._report(request, touched, refusals)

    def _report(self, request: HttpRequest, touched: int, refusals: list[str]) -> None:
        if touched:
            text = ngettext("Done for %d job.", "Done for %d jobs.", touched) % touched
            self.message_user(request, text, messages.SUCCESS)
        if refusals:
            left = ngettext("%d job was left alone:", "%d jobs were left alone:", len(refusals)) % len(refusals)
            more = " …" if len(refusals) > REASONS_SHOWN else ""
            self.message_user(request, f"{left} {' '.join(refusals[:REASONS_SHOWN])}{more}", messages.WARNING)


@admin.register(Worker)
class WorkerAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "host", "slots", "started_at", "seen_at", "lives")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        return Worker.objects.order_by("-seen_at")

    @admin.display(boolean=True, description=_("lives"))
    def lives(self, worker: Worker) -> bool:
        return queries.living_workers().filter(pk=worker.pk).exists()
