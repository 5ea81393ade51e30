"""What every page's template may use."""

from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")
SECTIONS = (("/library", "library"), ("/accounts", "account"), ("/s/", ""))  # the rest is about downloads
THEME_COOKIE = "theme"  # set by the page's own script; without it, the system's choice counts


def installation(request: HttpRequest) -> Mapping[str, str]:
    """A context processor: what this installation is called, which theme is chosen, where the page belongs."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "app_name": settings.APP_NAME,
        "theme": theme if theme in THEMES else "",
        "section": next((name for start, name in SECTIONS if request.path_info.startswith(start)), "downloads"),
    }
