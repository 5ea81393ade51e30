"""What is behind the link that somebody pasted, shown below the field before anything is downloaded.

A worker reads the page; the fragment asks again until it has. Nothing here waits, and nothing has to be waited for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from jobs import extraction, services
from jobs.errors import ExtractionFailed, ExtractionTimeout, QueueFull, ValueRefused
from jobs.models import Extraction
from jobs.states import ExtractionKind, ExtractionState
from jobs.thumbnails import token_of
from jobs.views import offers
from jobs.views.access import PageRequest, signed_in
from jobs.views.cards import duration_text
from jobs.views.forms import links_in
from jobs.views.offers import Language, Offer
from jobs.views.sentences import said

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LIVE = (ExtractionState.QUEUED, ExtractionState.RUNNING)
NO_CONTENT = 204


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the fragment shows. Without anything, the choices that there always are."""

    links: int = 0
    url: str = ""
    waiting: str = ""  # id of the question that a worker is answering
    warning: "StrOrPromise" = ""
    title: str = ""
    host: str = ""
    uploader: str = ""
    duration: str = ""
    thumbnail: str = ""
    is_live: bool = False
    is_list: bool = False
    entries: int | None = None
    qualities: tuple[Offer, ...] = offers.GENERAL
    subtitles: tuple[Language, ...] = ()
    captions: tuple[Language, ...] = ()
    tells_subtitles: bool = False


@require_POST
@signed_in
def look(request: PageRequest) -> HttpResponse:
    """Begin to read what is in the field, if it is one link."""
    links = list(dict.fromkeys(links_in(request.POST.get("url", ""))))
    if len(links) != 1:
        return _fragment(request, Look(links=len(links)))
    return _fragment(request, _asked(request, links[0]))


@require_safe
@signed_in
def reading(request: PageRequest, public_id: str) -> HttpResponse:
    """What was found; nothing as long as a worker is busy with it, so that the page stays as it is."""
    asked = Extraction.objects.defer("known_info").filter(owner=request.user, public_id=public_id).first()
    if asked is None:
        raise Http404("There is no such question.")
    if asked.state in LIVE and timezone.now() < asked.created_at + _longest_wait():
        return HttpResponse(status=NO_CONTENT)
    return _fragment(request, found(asked, keep=request.GET.get("quality", "")))


def found(asked: Extraction, *, keep: str = "") -> Look:
    """The answer, or why there is none. `keep` is a quality that is offered in any case."""
    try:
        answer = extraction.answer_of(asked)
    except (ExtractionFailed, ExtractionTimeout) as failure:
        return Look(links=1, url=asked.url, warning=said(failure))
    told = answer["metadata"]
    shown: dict[str, Any] = {
        "links": 1,
        "url": asked.url,
        "title": told["title"] or asked.url,
        "host": urlsplit(asked.url).hostname or "",
        "uploader": told["uploader"] or "",
        "thumbnail": token_of(told["thumbnail"] or (answer["first_entry"] or {}).get("thumbnail")),
        "duration": duration_text(timedelta(seconds=told["duration"])) if told["duration"] else "",
        "is_live": answer["is_live"],
    }
    if answer["is_playlist"]:
        return Look(**shown, is_list=True, entries=answer["playlist_count"])
    return Look(**shown, **_of_video(answer, keep))


def _of_video(answer: Mapping[str, Any], keep: str) -> dict[str, Any]:
    return {
        "qualities": offers.qualities(answer, keep=keep),
        "subtitles": tuple(offers.subtitles(answer)),
        "captions": tuple(offers.captions(answer)),
        "tells_subtitles": True,
    }


def _asked(request: PageRequest, url: str) -> Look:
    try:
        jar = services.jar_of(request.user, request.POST.get("cookies_id", ""))
        asked = extraction.ask(request.user, ExtractionKind.VIDEO, url, cookie_jar=jar)
    except (ValueRefused, QueueFull) as refusal:
        return Look(links=1, url=url, warning=said(refusal))
    if asked.state in LIVE:
        return Look(links=1, url=url, waiting=asked.public_id)
    return found(asked, keep=request.POST.get("quality", ""))


def _longest_wait() -> timedelta:
    return timedelta(seconds=settings.EXTRACTION_TIMEOUT_SECONDS + extraction.asking.QUEUE_SECONDS)


def _fragment(request: PageRequest, shown: Look) -> HttpResponse:
    """With what is chosen in the form, as far as it is still offered."""
    sent = request.POST if request.method == "POST" else request.GET
    offered = [offer.value for offer in shown.qualities]
    quality = sent.get("quality", "")
    context = {
        "look": shown,
        "quality": quality if quality in offered else offered[0],
        "languages": languages_of(sent.getlist("subtitles")),
        "cookies_id": sent.get("cookies_id", ""),
    }
    return render(request, "jobs/_look.html", context)


def languages_of(values: Any) -> list[str]:
    """Codes of languages as a form sends or remembers them."""
    listed = values if isinstance(values, list) else [values or ""]
    return [code for text in listed for code in str(text).replace(",", " ").split()]
