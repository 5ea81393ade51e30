"""The manual's pages. Open to anybody, as the API's description is, unless DISABLE_DOCS hides them."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from manual.contents import START
from manual.links import address_of
from manual.reading import Manual, NotBuilt

LONGEST_SEARCH = 100


@require_safe
def page(request: HttpRequest, slug: str = START) -> HttpResponse:
    """One page; on the first one, with `q`, what a search finds."""
    manual = _manual()
    try:
        found = manual.page(slug)
    except KeyError as error:
        raise Http404("The manual has no such page.") from error
    asked = request.GET.get("q", "").strip()[:LONGEST_SEARCH] if slug == START else ""
    context = {
        "page": found,
        "body": mark_safe(found["html"]),  # noqa: S308 - built from docs/ alone, in which HTML is shown and not used
        "headings": [heading for heading in found["headings"] if heading["level"] == 2],
        "navigation": manual.navigation(),
        "here": address_of(slug),
        "asked": asked,
        "results": manual.search(asked),
    }
    return render(request, "manual/page.html", context)


def _manual() -> Manual:
    if settings.DISABLE_DOCS:
        raise Http404("The manual is turned off here.")
    try:
        return Manual.at(Path(settings.MANUAL_ROOT))
    except NotBuilt as error:
        raise Http404("The manual was not built: run manage.py collect.") from error
