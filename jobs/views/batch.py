"""The page of a batch: its downloads, how far it is, and what people do with all of it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from jobs import batch_services, queries
from jobs.errors import NotFound, QueueFull, QuotaExceeded, StateConflict
from jobs.models import Batch, Job
from jobs.views.access import CHANGED, PageRequest, signed_in
from jobs.views.cards import BatchCard, Card, pictured, signature
from jobs.views.queue import CALM_SECONDS, MOVING_SECONDS
from jobs.views.sentences import said

PAGE_LENGTH = 50
VERBS: Mapping[str, Callable[[Batch], int]] = {
    "cancel": batch_services.cancel_batch,
    "retry": batch_services.retry_batch,
}


@require_safe
@signed_in
def detail(request: PageRequest, public_id: str) -> HttpResponse:
    batch = _batch_or_404(request, public_id)
    return render(request, "jobs/batch.html", _context(batch, _jobs(request, batch)))


@require_safe
@signed_in
def live(request: PageRequest, public_id: str) -> HttpResponse:
    """The page's changing part, for polling: a 304 when nothing that it shows has changed."""
    batch = _batch_or_404(request, public_id)
    page, figures = _jobs(request, batch), queries.figures_of([batch])[batch.pk]
    etag = signature(page.object_list, batch.state, batch.error, batch.title, batch.skipped, figures)
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or render(request, "jobs/_batch.html", _context(batch, page))
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@signed_in
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    """Do what a button says. What the batch's state does not allow is answered beside the button."""
    if verb not in VERBS:
        raise Http404(f"Nothing is called {verb!r} here.")
    batch, refusal = _batch_or_404(request, public_id), ""
    try:
        VERBS[verb](batch)
    except (StateConflict, QueueFull, QuotaExceeded) as conflict:
        refusal = said(conflict)
    if request.htmx:
        return _fragment(request, batch, refusal)
    if refusal:
        messages.error(request, refusal)
    return redirect("jobs:batch", public_id)


def _fragment(request: PageRequest, batch: Batch, refusal: str) -> HttpResponse:
    """The part of the page that the button stands in, anew."""
    if request.htmx.target == "batch-page":
        response = render(request, "jobs/_batch.html", _context(batch, _jobs(request, batch), refusal))
    else:
        card = BatchCard(batch, queries.figures_of([batch])[batch.pk], refusal)
        response = render(request, "jobs/_batch_row.html", {"card": card})
    return response if refusal else trigger_client_event(response, CHANGED, after="settle")


def _batch_or_404(request: PageRequest, public_id: str) -> Batch:
    try:
        return queries.batch_of(request.user, public_id)
    except NotFound as error:
        raise Http404(str(error)) from error


def _jobs(request: PageRequest, batch: Batch) -> "Page[Job]":
    """In their order; a page that does not exist is the last one."""
    return Paginator(pictured(queries.jobs_of_batch(batch)), PAGE_LENGTH).get_page(request.GET.get("page"))


def _context(batch: Batch, page: "Page[Job]", refusal: str = "") -> Mapping[str, Any]:
    card = BatchCard(batch, queries.figures_of([batch])[batch.pk], refusal)
    return {
        "card": card,
        "cards": [Card(job) for job in page.object_list],
        "page": page,
        "seconds": CALM_SECONDS if card.is_over else MOVING_SECONDS,
    }
