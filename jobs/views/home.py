"""The first page: a field for a link, and the caller's downloads below it, live."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.models import User
from jobs import queries, services
from jobs.errors import LinkRefused, QueueFull
from jobs.models import Job
from jobs.states import State
from jobs.views.access import CHANGED, PageRequest, signed_in
from jobs.views.cards import Card, is_moving, kept_text, signature
from jobs.views.forms import LinkForm

PAGE_LENGTH = 50


@dataclass(frozen=True)
class Page:
    """Some of the caller's jobs, newest first. `before` is the id of the job they follow; empty on the first page."""

    jobs: list[Job]
    before: str
    has_more: bool
    lacks_workers: bool

    def signature(self) -> str:
        return signature(self.jobs, self.before, self.has_more, self.lacks_workers)

    def context(self) -> Mapping[str, Any]:
        return {
            "cards": [Card(job) for job in self.jobs],
            "before": self.before,
            "next_before": self.jobs[-1].public_id if self.has_more else "",
            "lacks_workers": self.lacks_workers,
            "seconds": 2 if is_moving(self.jobs) else 15,
            "running": sum(job.state == State.RUNNING for job in self.jobs),
            "waiting": sum(job.state == State.QUEUED for job in self.jobs),
            "kept": kept_text(),
        }


@require_safe
@signed_in
def home(request: PageRequest) -> HttpResponse:
    return _home(request, LinkForm())


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
def submit(request: PageRequest) -> HttpResponse:
    """Queue a download. A refused link comes back in its field, with the sentence that says why."""
    form = LinkForm(request.POST)
    if not _submitted(request.user, form):
        return _form(request, form, status=422) if request.htmx else _home(request, form, status=422)
    if not request.htmx:
        return redirect("jobs:home")
    response = _form(request, LinkForm(initial={"quality": form.cleaned_data["quality"]}))
    return trigger_client_event(response, CHANGED, after="settle")


def page_of(user: User, before: str) -> Page:
    """The jobs that follow `before`, or the newest ones when there is no such job."""
    found = queries.visible_to(user).prefetch_related("files").defer("metadata", "provenance", "options")
    last = queries.visible_to(user).filter(public_id=before).first() if before else None
    if last is not None:
        same_moment = Q(created_at=last.created_at, id__lt=last.pk)
        found = found.filter(Q(created_at__lt=last.created_at) | same_moment)
    jobs = list(found[: PAGE_LENGTH + 1])
    waits = any(job.state == State.QUEUED for job in jobs[:PAGE_LENGTH])
    return Page(
        jobs=jobs[:PAGE_LENGTH],
        before=before if last else "",
        has_more=len(jobs) > PAGE_LENGTH,
        lacks_workers=waits and not queries.living_workers().exists(),
    )


def _submitted(user: User, form: LinkForm) -> bool:
    if not form.is_valid():
        return False
    try:
        services.submit(user, form.submission())
    except (LinkRefused, QueueFull) as refusal:
        form.add_error("url", str(refusal))
        return False
    return True


def _home(request: PageRequest, form: LinkForm, status: int = 200) -> HttpResponse:
    page = page_of(request.user, request.GET.get("before", ""))
    return render(request, "jobs/home.html", {**page.context(), "form": form}, status=status)


def _form(request: PageRequest, form: LinkForm, status: int = 200) -> HttpResponse:
    return render(request, "jobs/_form.html", {"form": form}, status=status)
