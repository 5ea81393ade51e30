"""Links for people without an account: made and revoked by owners, opened by anybody who has one."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from jobs import queries, shares
from jobs.errors import NotFound, StateConflict
from jobs.models import Job
from jobs.states import State
from jobs.views.access import PageRequest, job_or_404, signed_in
from jobs.views.items import PLAYABLE, clock_text
from jobs.views.library import item_context
from jobs.views.sentences import said
from jobs.views.share_links import Shared, ShareForm, shown_links


@require_safe
@signed_in
def links(request: PageRequest) -> HttpResponse:
    return render(request, "jobs/shares.html", {"links": shown_links(request.user)})


@never_cache
@require_POST
@signed_in
@sensitive_variables("address", "issued")
def create(request: PageRequest, public_id: str) -> HttpResponse:
    """A new link. Its address stands in this answer and nowhere else."""
    job = job_or_404(request, public_id)
    form, address, refusal = ShareForm(request.POST, offered=queries.present_files(job)), "", ""
    file = form.chosen(job) if form.is_valid() else None
    if job.state != State.COMPLETED or job.deletion_asked_at is not None or (file is None and form.is_valid()):
        raise Http404(f"The files of {public_id!r} are not there.")
    if file is not None:
        try:
            issued = shares.issue(file, shares.LIFETIMES[form.cleaned_data["lifetime"]])
            address = _absolute(request, reverse("jobs:shared", args=[issued.token]))
        except StateConflict as conflict:
            refusal = said(conflict)
    context = {"share_form": form, "links": shown_links(request.user, job), "address": address, "refusal": refusal}
    return _answer(request, job, context, status=200 if address else 422)


@require_POST
@signed_in
def revoke(request: PageRequest, public_id: str) -> HttpResponse:
    """End a link at once."""
    try:
        link = shares.revoke(request.user, public_id)
    except NotFound as error:
        raise Http404(str(error)) from error
    if request.htmx:
        return render(request, "jobs/_share_row.html", {"shared": Shared(link), "of_all": "all" in request.POST})
    messages.success(request, _("The link does not work any more."))
    return redirect("jobs:shares") if "all" in request.POST else redirect("jobs:item", link.file.job.public_id)


@never_cache
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """What somebody with a link sees: the file's name and size, and a way to get or play it."""
    try:
        link = shares.shared(token)
    except NotFound:
        return render(request, "jobs/shared.html", {"link": None}, status=404)
    file = link.file
    context = {
        "link": link,
        "file": file,
        "title": file.job.title or file.name,
        "length": clock_text(file.duration_seconds) if file.duration_seconds else "",
        "address": reverse("shared-file", args=[token, file.name]),
        "plays": file.mime_type in PLAYABLE,
        "is_audio": file.mime_type.startswith("audio/"),
    }
    response = render(request, "jobs/shared.html", context)
    response["Referrer-Policy"] = "no-referrer"  # the address is the key
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: PageRequest, job: Job, context: dict[str, Any], *, status: int) -> HttpResponse:
    template = "jobs/_shares.html" if request.htmx else "jobs/item.html"
    return render(request, template, item_context(request.user, job, **context), status=status)


def _absolute(request: HttpRequest, path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)
