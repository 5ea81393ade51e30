"""Choosing from a playlist, channel or feed: a grid that grows as it is looked at, filters, and what was ticked."""

import json
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from jobs import picking, playlists
from jobs.errors import ExtractionFailed, ExtractionTimeout, QueueFull, QuotaExceeded, ValueRefused, ValuesRefused
from jobs.picking import Shown, Wanted
from jobs.playlists import ListSubmission
from jobs.selection import Filters, Selection
from jobs.states import BatchKind
from jobs.thumbnails import token_of
from jobs.views.access import PageRequest, signed_in
from jobs.views.cards import duration_text, short_link
from jobs.views.estimates import USUAL_RATES, room_left
from jobs.views.forms import PickForm
from jobs.views.home import refused
from jobs.views.looks import languages_of
from jobs.views.offers import GENERAL
from jobs.views.remembering import remember, remembered
from jobs.views.sentences import said

LAST_PAGE = 10_000
SORTS = (
    ("", _("As in the list")),
    ("upload_date", _("Newest first")),
    ("view_count", _("Most seen first")),
    ("duration", _("Longest first")),
    ("title", _("Titles from A to Z")),
)


def _day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))


def _number(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=10**12)


class Narrowing(forms.Form):
    """Which entries of a list are shown. What is wrong is told beside its field, and narrows nothing."""

    words = forms.CharField(
        label=_("Search in titles"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    date_after = _day(_("From"))
    date_before = _day(_("Until"))
    min_minutes = _number(_("Minutes, at least"))
    max_minutes = _number(_("Minutes, at most"))
    min_views = _number(_("Views, at least"))
    max_views = _number(_("Views, at most"))
    sort_by = forms.ChoiceField(label=_("Order"), choices=SORTS, required=False)

    def wanted(self, url: str, *, cookies_id: str, number: int) -> Wanted:
        """The page that is asked for."""
        self.is_valid()
        told = {name: self.cleaned_data.get(name) for name in self.fields}
        filters = Filters(
            date_after=_compact(told["date_after"]),
            date_before=_compact(told["date_before"]),
            min_duration=_seconds(told["min_minutes"]),
            max_duration=_seconds(told["max_minutes"]),
            min_views=told["min_views"],
            max_views=told["max_views"],
        )
        return Wanted(
            url=url,
            selection=Selection(filters=filters, sort_by=told["sort_by"] or None),
            words=told["words"] or "",
            cookies_id=cookies_id,
            number=number,
        )


@require_safe
@signed_in
def picker(request: PageRequest) -> HttpResponse:
    """The page around the grid, which comes by itself."""
    url, cookies_id = request.GET.get("url", "").strip(), request.GET.get("cookies_id", "")
    if not url:
        return redirect("jobs:home")
    initial = {**remembered(request), "url": url, "cookies_id": cookies_id}
    return _picker(request, PickForm(initial=initial, user=request.user))


@require_safe
@signed_in
def entries(request: PageRequest) -> HttpResponse:
    """A page of the grid, what is to be read before it is shown, or why it cannot be."""
    url, cookies_id = request.GET.get("url", ""), request.GET.get("cookies_id", "")
    narrowing = Narrowing(request.GET, label_suffix="")
    wanted = narrowing.wanted(url, cookies_id=cookies_id, number=_page_number(request.GET.get("page", "")))
    context: dict[str, Any] = {"number": wanted.number, "again": request.get_full_path(), "narrowing": narrowing}
    try:
        shown = picking.page(request.user, wanted)
    except (ValueRefused, QueueFull, ExtractionFailed, ExtractionTimeout) as refusal:
        context["problem"] = said(refusal)
        return render(request, "jobs/_entries.html", context)
    if shown is not None:
        context |= _shown(request, shown, wanted)
    return render(request, "jobs/_entries.html", context)


@require_POST
@signed_in
def download(request: PageRequest) -> HttpResponse:
    """Queue what was chosen, and lead to its batch."""
    form = PickForm(request.POST, user=request.user)
    if not form.is_valid():
        return _picker(request, form, status=422)
    told = form.cleaned_data
    submission = ListSubmission(
        kind=BatchKind.PLAYLIST,
        url=told["url"],
        options=form.options(kind="list"),
        items=told["items"],
        skip_downloaded=told["skip_downloaded"],
        priority=form.priority_chosen(),
        cookies_id=told["cookies_id"],
    )
    try:
        batch = playlists.submit_list(request.user, submission)
    except (ValueRefused, ValuesRefused, QueueFull, QuotaExceeded) as refusal:
        refused(form, refusal, main="items")
        return _picker(request, form, status=422)
    response = redirect("jobs:batch", batch.public_id)
    remember(response, form)
    return response


def _picker(request: PageRequest, form: PickForm, status: int = 200) -> HttpResponse:
    url, cookies_id = form["url"].value() or "", form["cookies_id"].value() or ""
    query = request.GET.copy()
    query["url"], query["cookies_id"] = url, cookies_id
    context = {
        "form": form,
        "url": url,
        "cookies_id": cookies_id,
        "narrowing": Narrowing(request.GET, label_suffix=""),
        "first_page": f"{reverse('jobs:entries')}?{query.urlencode()}",
        "qualities": GENERAL,
        "rates": json.dumps(USUAL_RATES),
        "room_left": room_left(request.user),
        "quality": form["quality"].value(),
        "languages": languages_of(form["subtitles"].value()),
    }
    return render(request, "jobs/picker.html", context, status=status)


def _shown(request: PageRequest, shown: Shown, wanted: Wanted) -> dict[str, Any]:
    query = request.GET.copy()
    query["page"] = str(wanted.number + 1)
    is_first = wanted.number == 1
    return {
        "shown": shown,
        "tiles": [_tile(entry) for entry in shown.entries],
        "next_page": f"{reverse('jobs:entries')}?{query.urlencode()}" if shown.has_next else "",
        "is_first": is_first,
        "matching": shown.matching if is_first else "",
        "together": duration_text(timedelta(seconds=shown.seconds)) if shown.seconds else "",
        "is_narrowed": wanted.is_narrowed,
    }


def _tile(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {
        "name": entry["title"] or short_link(entry["url"] or ""),
        "token": token_of(entry["thumbnail"]),
        "length": _clock(entry["duration"]),
        "day": _parsed(entry["upload_date"]),
    }


def _clock(seconds: float | None) -> str:
    """`4:05`, `1:02:03`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _page_number(text: str) -> int:
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdigit() else 1


def _compact(day: date | None) -> str | None:
    return day.strftime("%Y%m%d") if day else None


def _parsed(day: str | None) -> date | None:
    try:
        return date.fromisoformat(day) if day else None
    except ValueError:
        return None


def _seconds(minutes: int | None) -> float | None:
    return None if minutes is None else minutes * 60.0
