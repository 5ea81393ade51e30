"""The operators' pages of jobs and workers. They look; what changes a job goes through `operations`."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from accounts.operator_pages import Keyset, LookOnly, Operated, actor_of, tell
from jobs import circuit, history, operations, queries
from jobs.admin.finding import ErrorFilter, HostFilter, OwnerFilter, PeriodFilter, StateFilter, WorkerFilter, found
from jobs.errors import ValueRefused
from jobs.models import Delivery, Job, JobEvent, MediaFile, Worker

TITLE_CHARACTERS = 40
SHOWN_AT_CONFIRMATION = 10
ASKED_FIRST = frozenset({"delete"})  # what cannot be taken back
PRIORITIES = [("", _("priority")), *((str(number), str(number)) for number in range(9, -1, -1))]
# What the page of one job offers, for each of its states.
OFFERED = {
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("requeue", "cancel"),
    "completed": ("extend", "delete"),
    "failed": ("retry",),
    "cancelled": ("retry",),
    "expired": ("retry",),
}


class EventInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = JobEvent
    verbose_name_plural = _("timeline")
    fields = ("at", "source", "target", "attempt", "reason")


class FileInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = MediaFile
    verbose_name_plural = _("files")
    fields = readonly_fields = ("public_id", "role", "path", "size_bytes", "sha256", "deleted_at")


class DeliveryInline(LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Delivery
    verbose_name_plural = _("messages to receivers")
    fields = ("event", "host", "state", "attempts", "created_at", "completed_at")
    show_change_link = True


class JobActionForm(ActionForm):
    """The list's choice of actions, with a priority for the one that needs one."""

    priority = forms.ChoiceField(label=_("Priority:"), choices=PRIORITIES, required=False)


@admin.register(Job)
class JobAdmin(LookOnly, Operated, Keyset):
    action_form = JobActionForm
    list_display = ("public_id", "short_title", "host", "owner", "state", "error_code", "priority", "created_told")
    list_filter = (StateFilter, ErrorFilter, PeriodFilter, HostFilter, OwnerFilter, WorkerFilter)
    list_select_related = ("owner",)
    search_fields = ("public_id",)
    search_help_text = _(
        "The beginning of an id (req_…), a whole link, a batch (batch_…), a host name or a user's name"
    )
    inlines = (EventInline, FileInline, DeliveryInline)
    actions = ("cancel", "pause", "requeue", "retry", "reprioritise", "extend", "delete")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("public_id", "state_told", "error_told", "url", "title", "host", "owner", "api_key"),
                    *("batch_link", "position", "priority", "attempts", "wish", "cookie_jar", "correlation_id"),
                )
            },
        ),
        (
            _("Now"),
            {
                "fields": (
                    *("worker_host", "lease_expires_at", "phase", "percent", "downloaded_bytes", "total_bytes"),
                    *("speed_bps", "eta_seconds", "not_before"),
                )
            },
        ),
        (_("Times"), {"fields": ("created_at", "queued_at", "started_at", "completed_at", "expires_at")}),
        (_("Asked for"), {"fields": ("options_told", "webhook_url"), "classes": ("collapse",)}),
        (_("Provenance"), {"fields": ("extractor", "pinned_format", "provenance_told"), "classes": ("collapse",)}),
        (_("Metadata"), {"fields": ("metadata_told",), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Without the wide columns, which the list does not show; the job's own page fetches them."""
        return Job.objects.defer("metadata", "provenance", "options", "template_values")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        return found(queryset, search_term.strip()), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what the fields do not tell: runs, the log, why it waits, what can be done."""
        job = Job.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        more = {} if job is None else self._about(request, job)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def _about(self, request: HttpRequest, job: Job) -> dict[str, Any]:
        log = queries.log_of(job)
        labels = dict(self.get_action_choices(request, []))
        return {
            "runs": history.runs_of(job.events.all()),
            "log": log,
            "wait": circuit.wait_of(job, circuit.spared()),
            "offered": [(verb, labels[verb]) for verb in OFFERED[job.state] if verb in labels],
            "list_url": reverse("admin:jobs_job_changelist"),
        }

    @admin.display(description=_("title"))
    def short_title(self, job: Job) -> str:
        return Truncator(job.title).chars(TITLE_CHARACTERS)

    @admin.display(description=_("came in (UTC)"))
    def created_told(self, job: Job) -> str:
        return f"{job.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description=_("state"))
    def state_told(self, job: Job) -> str:
        return job.get_state_display()

    @admin.display(description=_("error"))
    def error_told(self, job: Job) -> str:
        return f"{job.error_code}: {job.error}" if job.error_code else "-"

    @admin.display(description=_("batch"))
    def batch_link(self, job: Job) -> str:
        if job.batch is None:
            return "-"
        return format_html('<a href="{}">{}</a>', reverse("admin:jobs_batch_change", args=[job.batch_id]), job.batch)

    @admin.display(description=_("options"))
    def options_told(self, job: Job) -> str:
        return _readable(job.options)

    @admin.display(description=_("provenance"))
    def provenance_told(self, job: Job) -> str:
        return _readable(job.provenance)

    @admin.display(description=_("metadata"))
    def metadata_told(self, job: Job) -> str:
        return _readable(job.metadata)

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "cancel")

    @admin.action(description=_("Pause"), permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "pause")

    @admin.action(description=_("Queue again (paused or ended)"), permissions=["operate"])
    def requeue(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "requeue")

    @admin.action(description=_("Try again (ended)"), permissions=["operate"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "retry")

    @admin.action(description=_("Set the priority"), permissions=["operate"])
    def reprioritise(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "reprioritise")

    @admin.action(description=_("Keep the files longer"), permissions=["operate"])
    def extend(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "extend")

    @admin.action(description=_("Delete the files"), permissions=["operate"])
    def delete(self, request: HttpRequest, chosen: QuerySet[Job]) -> HttpResponse | None:
        return self._apply(request, chosen, "delete")

    def _apply(self, request: HttpRequest, chosen: QuerySet[Job], verb: str) -> HttpResponse | None:
        """Do it, or ask first: of all that a filter lets through, and of what cannot be taken back."""
        by_filter = request.POST.get("select_across") == "1"
        if (by_filter or verb in ASKED_FIRST) and "confirmed" not in request.POST:
            return self._asked(request, chosen, verb, by_filter=by_filter)
        details = f"all of {request.GET.urlencode() or 'the list'}" if by_filter else ""
        priority = request.POST.get("priority", "")
        try:
            outcome = operations.apply(
                actor_of(request), verb, chosen, priority=int(priority) if priority else None, details=details
            )
        except ValueRefused as refusal:
            messages.error(request, str(refusal))
            return None
        tell(request, Job, outcome.done, outcome.refusals, is_cut=outcome.is_cut)
        from_job = request.POST.get("from_job", "")
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[from_job])) if from_job.isdigit() else None

    def _asked(self, request: HttpRequest, chosen: QuerySet[Job], verb: str, *, by_filter: bool) -> HttpResponse:
        count = chosen.order_by()[: operations.MOST + 1].count()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Are you sure?"),
            "opts": self.opts,
            "label": dict(self.get_action_choices(request, []))[verb],
            "count": min(count, operations.MOST),
            "is_cut": count > operations.MOST,
            "jobs": chosen[:SHOWN_AT_CONFIRMATION],
            "by_filter": by_filter,
            "sent": [
                (name, value)
                for name, values in request.POST.lists()
                for value in values
                if name not in ("csrfmiddlewaretoken", "index", "action")
            ],
            "verb": verb,
        }
        return TemplateResponse(request, "admin/jobs/job/confirm.html", context)


@admin.register(Worker)
class WorkerAdmin(LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "host", "slots", "started_at", "seen_at", "lives")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        return Worker.objects.annotate(is_living=Exists(queries.living_workers().filter(pk=OuterRef("pk")))).order_by(
            "-seen_at"
        )

    @admin.display(boolean=True, description=_("lives"))
    def lives(self, worker: Any) -> bool:
        return bool(worker.is_living)


def _readable(document: Any) -> str:
    """JSON for people, in a box that keeps its lines."""
    if not document:
        return "-"
    text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="document">{}</pre>', text)
