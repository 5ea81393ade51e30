"""What makes the pages an app: manifest, service worker, the page without a network, the Share menu, what finished."""

import hashlib
import re
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from jobs import queries
from jobs.states import State
from jobs.views.access import PageRequest, signed_in

LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
SHORT_NAME_LENGTH = 12  # what home screens show
ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)
# What the page without a network is made of.
SHELL = ("css/tokens.css", "css/base.css", "css/parts.css", "img/mark.svg", "js/outbox.js")
MOST_FINISHED = 20
LOOK_BACK = timedelta(hours=1)


@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> HttpResponse:
    """How the app is called and looks on a home screen, and what a phone's Share menu sends it."""
    name = settings.APP_NAME
    told = {
        "id": "/",
        "name": name,
        "short_name": name if len(name) <= SHORT_NAME_LENGTH else gettext("Downloads"),
        "description": gettext("Paste a link, get a verified file."),
        "start_url": reverse("jobs:home"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f7f6f2",
        "theme_color": "#f7f6f2",
        "icons": [
            {"src": static(f"img/{file}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in ICONS
        ],
        "shortcuts": [
            {"name": gettext("New download"), "url": reverse("jobs:home")},
            {"name": gettext("Library"), "url": reverse("jobs:library")},
        ],
        "share_target": {
            "action": reverse("jobs:share-target"),
            "method": "GET",
            "params": {"title": "title", "text": "text", "url": "url"},
        },
    }
    return JsonResponse(told, content_type="application/manifest+json")


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, for it serves all pages below its own address."""
    page = reverse("jobs:offline")
    shell = [page, *(static(name) for name in SHELL)]
    version = hashlib.sha256(repr((settings.VERSION, get_language(), shell)).encode()).hexdigest()[:12]
    context = {"version": version, "offline": page, "shell": shell}
    return render(request, "pwa/sw.js", context, content_type="text/javascript")


@require_safe
@cache_control(no_cache=True)
def offline(request: HttpRequest) -> HttpResponse:
    """What is shown without a network. The same for everybody: browsers keep it."""
    return render(request, "pwa/offline.html", {"app_name": settings.APP_NAME})


@require_safe
def share_target(request: HttpRequest) -> HttpResponse:
    """To the first page, with the link filled in. Apps put it into any of three fields, often amid a sentence."""
    for name in ("url", "text", "title"):
        found = LINK.search(request.GET.get(name, ""))
        if found:
            link = found[0].rstrip(".,;!?)")[: settings.LONGEST_URL]
            return redirect(f"{reverse('jobs:home')}?{urlencode({'url': link})}")
    return redirect("jobs:home")


@require_safe
@cache_control(private=True, no_store=True)
@signed_in
def finished(request: PageRequest) -> JsonResponse:
    """What became of the caller's downloads since `after`, and whether any goes on; for notifications."""
    now = timezone.now()
    after = _moment(request.GET.get("after", "")) or now
    mine = queries.visible_to(request.user)
    ended = mine.filter(
        state__in=(State.COMPLETED, State.FAILED), completed_at__gt=max(after, now - LOOK_BACK), completed_at__lte=now
    )
    told = [
        {
            "id": job.public_id,
            "title": job.title or job.url,
            "is_ready": job.state == State.COMPLETED,
            "address": reverse("jobs:job", args=[job.public_id]),
        }
        for job in ended.order_by("completed_at")[:MOST_FINISHED]
    ]
    goes_on = mine.filter(state__in=(State.QUEUED, State.RUNNING)).exists()
    return JsonResponse({"now": now.isoformat(), "finished": told, "goes_on": goes_on})


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None
