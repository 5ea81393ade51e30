"""The library: finished downloads to find, play, keep longer and delete, and the page of each."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from jobs import library, queries, services
from jobs.errors import StateConflict
from jobs.library import Wanted
from jobs.models import Job
from jobs.states import State
from jobs.views.access import PageRequest, job_or_404, signed_in
from jobs.views.cards import kept_text
from jobs.views.items import Item, room_of
from jobs.views.sentences import said
from jobs.views.share_links import ShareForm, shown_links

PAGE_LENGTH = 48
LAYOUTS = ("grid", "list")
LAYOUT_COOKIE = "layout"  # set by the page's own script; without it, `?layout=` is part of each link
KINDS = (("", _("All kinds")), ("video", _("Video")), ("audio", _("Audio")))
AGES = (
    ("", _("Any time")),
    ("day", _("Last 24 hours")),
    ("week", _("Last 7 days")),
    ("month", _("Last 30 days")),
)
SIZES = (
    ("", _("Any size")),
    ("small", _("Below 50 MB")),
    ("medium", _("50 to 500 MB")),
    ("large", _("500 MB to 2 GB")),
    ("huge", _("Above 2 GB")),
)
ORDERS = (
    ("newest", _("Newest first")),
    ("oldest", _("Oldest first")),
    ("name", _("By name")),
    ("largest", _("Largest first")),
    ("smallest", _("Smallest first")),
    ("expiring", _("Deleted next")),
)
VERBS: Mapping[str, Callable[[Job], Job]] = {
    "extend": services.extend,
    "delete": services.delete_soon,
    "restore": services.restore,
}


@require_safe
@signed_in
def shelf(request: PageRequest) -> HttpResponse:
    """All of them, or those that somebody looks for. A fragment's request gets the results alone."""
    wanted = _wanted(request.GET)
    page = Paginator(library.find(request.user, wanted), PAGE_LENGTH).get_page(request.GET.get("page"))
    context = {
        "items": [Item(job) for job in page],
        "page": page,
        "wanted": wanted,
        "layout": _layout(request),
        "query": _without_page(request.GET),
        "extension": kept_text(),
    }
    if request.htmx:
        return render(request, "jobs/_shelf.html", context)
    filters = {"sites": library.sites_of(request.user), "kinds": KINDS, "ages": AGES, "sizes": SIZES, "orders": ORDERS}
    return render(request, "jobs/library.html", {**context, **filters, "room": room_of(request.user)})


@require_safe
@signed_in
def item(request: PageRequest, public_id: str) -> HttpResponse:
    """The player, and everything that can be done with the files."""
    job = _kept_or_404(request, public_id)
    return render(request, "jobs/item.html", item_context(request.user, job))


@require_POST
@signed_in
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    """Keep longer, delete, or take the deletion back. A refusal is answered beside the button."""
    if verb not in VERBS:
        raise Http404(f"Nothing is called {verb!r} here.")
    job, refusal = job_or_404(request, public_id), ""
    try:
        VERBS[verb](job)
    except StateConflict as conflict:
        refusal = said(conflict)
    if request.htmx:
        return _entry(request, job_or_404(request, public_id), refusal)
    return _back(request, job, verb, refusal)


@require_safe
@signed_in
def undo(request: PageRequest, public_id: str) -> HttpResponse:
    """Without scripts, a deletion can be taken back here; with them, in the place of what was deleted."""
    job = job_or_404(request, public_id)
    if job.state == State.COMPLETED and job.deletion_asked_at is None:
        return redirect("jobs:item", public_id)
    return render(request, "jobs/deleted.html", {"item": Item(job), "seconds": queries.UNDO_TIME.seconds})


def item_context(user: User, job: Job, **more: Any) -> Mapping[str, Any]:
    """What the page of a kept job shows."""
    context: dict[str, Any] = {
        "item": Item(job),
        "extension": kept_text(),
        "share_form": ShareForm(offered=queries.present_files(job)),
        "links": shown_links(user, job),
    }
    return context | more


def _kept_or_404(request: PageRequest, public_id: str) -> Job:
    job = job_or_404(request, public_id)
    if job.state != State.COMPLETED or job.deletion_asked_at is not None:
        raise Http404(f"The files of {public_id!r} are not there.")
    return job


def _entry(request: PageRequest, job: Job, refusal: str) -> HttpResponse:
    """One entry of the shelf anew; what is deleted leaves a way back in its place until it is gone."""
    context = {"item": Item(job, refusal), "layout": _layout(request), "extension": kept_text()}
    if job.state == State.COMPLETED and job.deletion_asked_at is None:
        return render(request, "jobs/_item.html", context)
    return render(request, "jobs/_undo.html", {**context, "seconds": queries.UNDO_TIME.seconds})


def _back(request: PageRequest, job: Job, verb: str, refusal: str) -> HttpResponse:
    if verb == "delete" and not refusal:
        return redirect("jobs:undo", job.public_id)
    if refusal:
        messages.error(request, refusal)
    elif verb == "extend":
        messages.success(request, _("The files are kept longer."))
    return redirect("jobs:library") if job.state != State.COMPLETED else redirect("jobs:item", job.public_id)


def _wanted(query: QueryDict) -> Wanted:
    names = ("text", "site", "kind", "age", "size", "order")
    given = {name: query.get(name, "").replace("\0", "").strip()[:200] for name in names}
    return Wanted(**given | {"order": given["order"] or "newest"})


def _layout(request: PageRequest) -> str:
    asked = request.GET.get("layout") or request.COOKIES.get(LAYOUT_COOKIE, "")
    return asked if asked in LAYOUTS else LAYOUTS[0]


def _without_page(query: QueryDict) -> str:
    """The query as it is, for links to other pages of the same result."""
    kept = query.copy()
    kept.pop("page", None)
    return kept.urlencode()
