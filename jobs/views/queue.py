"""The list of somebody's downloads: live rows, a batch as one, and what can be done with those that are ticked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.models import User
from jobs import bulk, queries, services
from jobs.errors import StateConflict
from jobs.models import Batch, Job
from jobs.states import TERMINAL, State
from jobs.views.access import CHANGED, PageRequest, job_or_404, signed_in
from jobs.views.cards import BatchCard, Card, is_moving, kept_text, pictured, signature
from jobs.views.sentences import said

PAGE_LENGTH = 50
MOST_REFUSALS = 3  # that are told one by one
STEPS = {"raise": 1, "lower": -1}
PRIORITY = re.compile("[0-9]")
MOVING_SECONDS, CALM_SECONDS = 2, 15

Row = Job | Batch


@dataclass(frozen=True)
class Page:
    """Some of the caller's jobs and batches, newest first. `before` is the id of the one they follow, if any."""

    rows: list[Row]
    figures: Mapping[int, queries.Figures]
    before: str
    has_more: bool
    lacks_workers: bool

    @property
    def jobs(self) -> list[Job]:
        return [row for row in self.rows if isinstance(row, Job)]

    def signature(self) -> str:
        batches = [
            (row.public_id, row.state, row.title, row.error, row.is_expanded, self.figures[row.pk])
            for row in self.rows
            if isinstance(row, Batch)
        ]
        return signature(self.jobs, batches, self.before, self.has_more, self.lacks_workers)

    def context(self) -> Mapping[str, Any]:
        figures = self.figures.values()
        return {
            "cards": [self._card(row) for row in self.rows],
            "before": self.before,
            "next_before": self.rows[-1].public_id if self.has_more else "",
            "lacks_workers": self.lacks_workers,
            "seconds": MOVING_SECONDS if self._is_moving() else CALM_SECONDS,
            "running": _count(self.jobs, State.RUNNING) + sum(figure.of(State.RUNNING) for figure in figures),
            "waiting": _count(self.jobs, State.QUEUED) + sum(figure.of(State.QUEUED) for figure in figures),
            "kept": kept_text(),
            "bulk_verbs": bulk.VERBS,
        }

    def _card(self, row: Row) -> Card | BatchCard:
        return Card(row) if isinstance(row, Job) else BatchCard(row, self.figures[row.pk])

    def _is_moving(self) -> bool:
        return is_moving(self.jobs) or any(isinstance(row, Batch) and row.state not in TERMINAL for row in self.rows)


@require_safe
@signed_in
def rows(request: PageRequest) -> HttpResponse:
    """The list alone, for polling: a 304 when nothing that it shows has changed."""
    page = page_of(request.user, request.GET.get("before", ""))
    etag = page.signature()
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or render(request, "jobs/_rows.html", page.context())
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@signed_in
def selected(request: PageRequest) -> HttpResponse:
    """Do to everything that is ticked what a button says."""
    verb = request.POST.get("verb", "")
    if verb not in bulk.VERBS:
        raise Http404(f"Nothing is called {verb!r} here.")
    outcome = bulk.apply(request.user, verb, request.POST.getlist("chosen"))
    if not request.htmx:
        return redirect("jobs:home")
    page = page_of(request.user, request.POST.get("before", ""))
    refusals = [said(refusal) for refusal in outcome.refusals[:MOST_REFUSALS]]
    context = {**page.context(), "told": _told(outcome), "refusals": refusals}
    return render(request, "jobs/_rows.html", context)


@require_POST
@signed_in
def reprioritise(request: PageRequest, public_id: str, step: str) -> HttpResponse:
    """Have a waiting job come sooner or later by one step, or give it the priority that `step` is.

    Beyond the ends nothing happens.
    """
    if step not in STEPS and not PRIORITY.fullmatch(step):
        raise Http404(f"Nothing is called {step!r} here.")
    job, refusal = job_or_404(request, public_id), ""
    wanted = job.priority + STEPS[step] if step in STEPS else int(step)
    wanted = min(max(wanted, services.LOWEST_PRIORITY), services.HIGHEST_PRIORITY)
    try:
        services.reprioritise(job, wanted)
    except StateConflict as conflict:
        refusal = said(conflict)
    if not request.htmx:
        return redirect("jobs:home")
    response = render(request, "jobs/_row.html", {"card": Card(job, refusal)})
    return response if refusal else trigger_client_event(response, CHANGED, after="settle")


def page_of(user: User, before: str) -> Page:
    """What follows `before`, or the newest when there is no such job or batch."""
    last = _row_of(user, before) if before else None
    jobs = queries.visible_to(user).filter(batch=None).prefetch_related("files")
    batches = queries.batches_visible_to(user).defer("selection", "options")
    found: list[Row] = [*_following(pictured(jobs), last), *_following(batches, last)]
    found.sort(key=_place, reverse=True)
    shown = found[:PAGE_LENGTH]
    waits = any(row.state == State.QUEUED for row in shown)
    return Page(
        rows=shown,
        figures=queries.figures_of(row for row in shown if isinstance(row, Batch)),
        before=before if last else "",
        has_more=len(found) > PAGE_LENGTH,
        lacks_workers=waits and not queries.living_workers().exists(),
    )


def _row_of(user: User, public_id: str) -> Row | None:
    job = queries.visible_to(user).filter(public_id=public_id).first()
    return job or queries.batches_visible_to(user).filter(public_id=public_id).first()


def _following(found: QuerySet[Any], last: Row | None) -> Sequence[Any]:
    """The first of them in the list's order; behind `last`, if there is one."""
    if last is not None:
        moment, is_job, pk = _place(last)
        earlier, same = Q(created_at__lt=moment), Q(created_at=moment)
        if found.model is type(last):
            found = found.filter(earlier | (same & Q(id__lt=pk)))
        else:
            found = found.filter(earlier if not is_job else earlier | same)
    return list(found.order_by("-created_at", "-id")[: PAGE_LENGTH + 1])


def _place(row: Row) -> tuple[datetime, bool, int]:
    """The order of the list; of the same moment, jobs come before batches."""
    return row.created_at, isinstance(row, Job), row.pk


def _count(jobs: Sequence[Job], state: State) -> int:
    return sum(job.state == state for job in jobs)


def _told(outcome: bulk.Outcome) -> str:
    parts = []
    if outcome.done:
        parts.append(ngettext("%(count)d changed.", "%(count)d changed.", outcome.done) % {"count": outcome.done})
    if (more := len(outcome.refusals) - MOST_REFUSALS) > 0:
        parts.append(ngettext("%(count)d more could not be.", "%(count)d more could not be.", more) % {"count": more})
    return " ".join(parts) or ("" if outcome.refusals else _("Nothing was ticked."))
