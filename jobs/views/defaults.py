"""How somebody's downloads begin unless they say otherwise: the same on every device of theirs."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from jobs.views.access import PageRequest, signed_in
from jobs.views.forms import CHOICES_COOKIE, OptionsForm
from jobs.views.looks import languages_of
from jobs.views.offers import GENERAL
from jobs.views.remembering import defaults_of

RESET = "reset"  # the name of the button that goes back to the usual way


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def defaults(request: PageRequest) -> HttpResponse:
    """The form, and what it says from now on. What this browser remembers of the last download gives way to it."""
    if request.method != "POST":
        return _page(request, OptionsForm(initial=dict(defaults_of(request.user)), user=request.user))
    form = OptionsForm(request.POST, user=request.user)
    if RESET in request.POST:
        request.user.download_defaults = {}
    elif form.is_valid():
        request.user.download_defaults = form.choices_made()
    else:
        return _page(request, form, status=422)
    request.user.save(update_fields=["download_defaults"])
    messages.success(request, _("New downloads begin this way."))
    response = redirect("jobs:defaults")
    response.delete_cookie(CHOICES_COOKIE, samesite="Lax")
    return response


def _page(request: PageRequest, form: OptionsForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "qualities": GENERAL,
        "quality": form["quality"].value(),
        "languages": languages_of(form["subtitles"].value()),
    }
    return render(request, "jobs/defaults.html", context, status=status)
