"""Which language a page speaks: its reader's. The API and the operator's pages are English, whoever asks."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.cache import patch_vary_headers

ENGLISH = "en"
FOR_PEOPLE = frozenset({"jobs", "accounts"})  # the apps whose addresses are pages of the dashboard


def load_catalogues() -> None:
    """Read every language's catalogues now, once for all processes that are forked later."""
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            translation.gettext("Downloads")


class PageLanguageMiddleware:
    """What the reader has chosen, else what the browser asks for; English where neither is there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_for_people(request.path_info):
            with translation.override(ENGLISH):
                return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or ENGLISH)
        patch_vary_headers(response, ["Accept-Language"])
        return response


def _is_for_people(path: str) -> bool:
    """Pages, and what has no address here: who mistypes one sees a page too."""
    try:
        return resolve(path).app_name in FOR_PEOPLE
    except Resolver404:
        return True
