"""The front page of an account, and the page on apps and bookmarks. What can be changed has pages of its own."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import second_factor
from accounts.models import User


@never_cache
@require_safe
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    return render(request, "accounts/overview.html", {"has_codes": second_factor.is_on(request.user)})


@require_safe
@login_required
def apps(request: HttpRequest) -> HttpResponse:
    """How to have the pages at hand: installed, as a bookmark that sends the page it is clicked on, and notified."""
    start = request.build_absolute_uri(reverse("jobs:home"))
    bookmarklet = f"javascript:location.href='{start}?url='+encodeURIComponent(location.href)"
    return render(request, "accounts/apps.html", {"bookmarklet": bookmarklet})
