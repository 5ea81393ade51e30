"""Who may see a page: people who are signed in, and of the jobs their own. Nothing is rendered here."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from jobs import queries
from jobs.errors import JobNotFound
from jobs.models import Job

P = ParamSpec("P")
CHANGED = "jobs-changed"  # the event in the browser that makes live fragments look again


class PageRequest(HttpRequest):
    """A request of somebody who is signed in, as the middleware leaves it."""

    user: User
    htmx: HtmxDetails


def signed_in(
    view: Callable[Concatenate[PageRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Send everybody else to the sign-in page and back to where they were.

    A fragment's request must not follow a redirect, or the sign-in page would stand where the fragment belongs.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        page_request = cast(PageRequest, request)
        if request.user.is_authenticated:
            return view(page_request, *args, **kwargs)
        back = redirect_to_login(_page_of(page_request))
        return HttpResponseClientRedirect(back.url) if page_request.htmx else back

    return guarded


def job_or_404(request: PageRequest, public_id: str) -> Job:
    """The caller's job, files prefetched; a 404 for unknown ids and for other people's alike."""
    try:
        return queries.job_of(request.user, public_id)
    except JobNotFound as error:
        raise Http404(str(error)) from error


def _page_of(request: PageRequest) -> str:
    """The page that the request came from or asks for; a POST or a fragment is no place to come back to."""
    if request.htmx:
        return request.htmx.current_url_abs_path or resolve_url(settings.LOGIN_REDIRECT_URL)
    return request.get_full_path() if request.method == "GET" else resolve_url(settings.LOGIN_REDIRECT_URL)
