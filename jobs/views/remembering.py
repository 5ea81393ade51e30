"""How somebody wanted the last download, kept in a cookie of theirs and offered for the next one."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.http import HttpResponse
from django.utils.datastructures import MultiValueDict

from accounts.models import User
from jobs.views.access import PageRequest
from jobs.views.forms import CHOICES_COOKIE, OptionsForm

LIFETIME = timedelta(days=365)
LONGEST_COOKIE = 3000  # characters; browsers take 4096 with name and attributes


def remembered(request: PageRequest) -> Mapping[str, Any]:
    """Values to begin a form with: what was chosen last in this browser, else the reader's defaults."""
    told = _read(request.COOKIES.get(CHOICES_COOKIE, ""))
    return _usable(told, request.user) if told else defaults_of(request.user)


def defaults_of(user: User) -> Mapping[str, Any]:
    """How a user's downloads begin on every device; empty for the usual way."""
    return _usable(user.download_defaults, user) if user.download_defaults else {}


def remember(response: HttpResponse, form: OptionsForm) -> None:
    """Keep the choices of a valid form with its reader."""
    text = quote(json.dumps(form.choices_made(), separators=(",", ":")))
    if len(text) <= LONGEST_COOKIE:
        response.set_cookie(
            CHOICES_COOKIE,
            text,
            max_age=LIFETIME,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def _usable(told: Mapping[str, Any], user: User) -> Mapping[str, Any]:
    """What may still be chosen of it."""
    data = MultiValueDict({name: value if isinstance(value, list) else [value] for name, value in told.items()})
    form = OptionsForm(data, user=user)
    form.is_valid()
    return {name: told[name] for name in form.fields if name in told and name not in form.errors}


def _read(cookie: str) -> dict[str, Any]:
    try:
        told = json.loads(unquote(cookie)) if cookie else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
