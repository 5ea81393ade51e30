"""The first page: a field for links, and the caller's downloads below it, live."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.models import User
from jobs import batch_services, playlists, services
from jobs.batch_services import BatchSubmission, Link
from jobs.errors import QueueFull, QuotaExceeded, ValueRefused, ValuesRefused
from jobs.playlists import ListSubmission
from jobs.services import Submission
from jobs.states import BatchKind
from jobs.views.access import CHANGED, PageRequest, signed_in
from jobs.views.forms import AskForm
from jobs.views.looks import Look, languages_of
from jobs.views.queue import page_of
from jobs.views.remembering import remember, remembered
from jobs.views.sentences import said


@require_safe
@signed_in
def home(request: PageRequest) -> HttpResponse:
    """`?url=` comes filled in: from a bookmark, or what a phone shares."""
    link = request.GET.get("url", "")
    return _home(request, _empty(request, url=link) if link else _empty(request))


@require_POST
@signed_in
def submit(request: PageRequest) -> HttpResponse:
    """Queue downloads. What is refused comes back in its field, with the sentence that says why."""
    form = AskForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid() or not _submitted(request.user, form):
        return _form(request, form, status=422) if request.htmx else _home(request, form, status=422)
    if request.htmx:
        anew = _empty(request, **form.choices_made())
        response = trigger_client_event(_form(request, anew, done=_done(form)), CHANGED, after="settle")
    else:
        response = redirect("jobs:home")
    remember(response, form)
    return response


def refused(form: Any, error: Exception, *, main: str = "url") -> None:
    """What the domain refused, beside the field that it is about."""
    refusals = error.refusals if isinstance(error, ValuesRefused) else [error]
    for refusal in refusals:
        field = refusal.field if isinstance(refusal, ValueRefused) else main
        form.add_error(field if field in form.fields else main, said(refusal))


def _submitted(user: User, form: AskForm) -> bool:
    try:
        _submit(user, form)
    except (ValueRefused, ValuesRefused, QueueFull, QuotaExceeded) as refusal:
        refused(form, refusal)
        return False
    return True


def _submit(user: User, form: AskForm) -> None:
    links = form.links()
    shared: dict[str, Any] = {"priority": form.priority_chosen(), "cookies_id": form.cleaned_data["cookies_id"]}
    if len(links) > 1:
        named = tuple(Link(url, f"urls.{number}", line=number + 1) for number, url in enumerate(links))
        batch_services.submit_batch(user, BatchSubmission(links=named, options=form.options(kind="links"), **shared))
    elif form.cleaned_data["whole_list"]:
        options = form.options(kind="list")
        playlists.submit_list(user, ListSubmission(kind=BatchKind.PLAYLIST, url=links[0], options=options, **shared))
    else:
        services.submit(user, Submission(url=links[0], options=form.options(), **shared))


def _done(form: AskForm) -> str:
    count = len(form.links())
    if form.cleaned_data["whole_list"] and count == 1:
        return _("The list is on its way.")
    return ngettext("Added to your downloads.", "%(count)d links added to your downloads.", count) % {"count": count}


def _empty(request: PageRequest, **initial: Any) -> AskForm:
    return AskForm(initial={**remembered(request), **initial}, user=request.user)


def _home(request: PageRequest, form: AskForm, status: int = 200) -> HttpResponse:
    page = page_of(request.user, request.GET.get("before", ""))
    return render(request, "jobs/home.html", {**page.context(), **_context(form)}, status=status)


def _form(request: PageRequest, form: AskForm, status: int = 200, done: str = "") -> HttpResponse:
    return render(request, "jobs/_form.html", {**_context(form), "done": done}, status=status)


def _context(form: AskForm) -> dict[str, Any]:
    languages = languages_of(form["subtitles"].value())
    return {"form": form, "look": Look(), "quality": form["quality"].value(), "languages": languages}
