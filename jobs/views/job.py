"""The page of one job, and what people do with it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.models import User
from jobs import queries, services
from jobs.engine.contract import Options
from jobs.errors import QuotaExceeded, StateConflict
from jobs.models import Delivery, Job
from jobs.views.access import CHANGED, PageRequest, job_or_404, signed_in
from jobs.views.cards import Card, Happening, attempts_of, is_moving, signature
from jobs.views.forms import OptionsForm
from jobs.views.sentences import said
from jobs.views.webhooks import Sent

PAGE_ID = "job-page"
SHOWN_DELIVERIES = 20
VERBS: Mapping[str, Callable[[Job], Job]] = {
    "pause": services.pause,
    "resume": services.resume,
    "cancel": services.cancel,
    "retry": services.retry,
    "delete": services.delete_files,
}


@require_safe
@signed_in
def detail(request: PageRequest, public_id: str) -> HttpResponse:
    return render(request, "jobs/job.html", _context(request.user, job_or_404(request, public_id)))


@require_safe
@signed_in
def live(request: PageRequest, public_id: str) -> HttpResponse:
    """The page's changing part, for polling: a 304 when nothing that it shows has changed."""
    job = job_or_404(request, public_id)
    log = queries.log_of(job)
    sent = [(delivery.state, delivery.attempts) for delivery in _sent(request.user, job)]
    etag = signature([job], job.events.count(), log.total_lines if log else 0, sent)
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or render(request, "jobs/_job.html", _context(request.user, job))
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@signed_in
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    """Do what a button says. What the job's state does not allow is answered beside the button."""
    if verb not in VERBS:
        raise Http404(f"Nothing is called {verb!r} here.")
    refusal = ""
    try:
        VERBS[verb](job_or_404(request, public_id))
    except (StateConflict, QuotaExceeded) as conflict:
        refusal = said(conflict)
    if request.htmx:
        return _fragment(request, job_or_404(request, public_id), refusal)
    if refusal:
        messages.error(request, refusal)
    return redirect("jobs:job", public_id)


def _fragment(request: PageRequest, job: Job, refusal: str) -> HttpResponse:
    """The part of the page that the button stands in, anew."""
    if request.htmx.target == PAGE_ID:
        response = render(request, "jobs/_job.html", _context(request.user, job, refusal))
    else:
        response = render(request, "jobs/_row.html", {"card": Card(job, refusal)})
    return response if refusal else trigger_client_event(response, CHANGED, after="settle")


def _context(user: User, job: Job, refusal: str = "") -> Mapping[str, Any]:
    events = list(job.events.all())
    return {
        "card": Card(job, refusal),
        "events": [Happening(event) for event in events],
        "attempts": attempts_of(events),
        "log": queries.log_of(job),
        "options": _chosen(job),
        "deliveries": [Sent(delivery) for delivery in _sent(user, job)],
        "versions": job.provenance.get("versions", {}),
        "seconds": 2 if is_moving([job]) else 15,
    }


def _sent(user: User, job: Job) -> list[Delivery]:
    """The latest messages about the job, to whoever is told of it."""
    about = queries.deliveries_visible_to(user).filter(job=job)
    return list(about.prefetch_related("log")[:SHOWN_DELIVERIES])


def _chosen(job: Job) -> list[tuple[Any, Any]]:
    """The quality, and whatever else is not as it would be without a choice: what it is called, and how it is."""
    usual = Options().to_json()
    chosen = ((name, value) for name, value in job.options.items() if name == "quality" or value != usual.get(name))
    return [(_label(name), ", ".join(map(str, value)) if isinstance(value, list) else value) for name, value in chosen]


def _label(option: str) -> Any:
    """As the form calls it; what only programs choose keeps its name on the wire."""
    field = OptionsForm.base_fields.get("subtitles" if option == "subtitle_languages" else option)
    return field.label if field and field.label else option
