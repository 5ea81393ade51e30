"""Where somebody is signed in, and how that ends elsewhere. Sessions are the framework's, in its own table."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User


@dataclass(frozen=True)
class SignedIn:
    """A browser in which somebody is signed in. `handle` names it without giving the session's key away."""

    handle: str
    since: datetime  # or since its session changed last
    is_this: bool


def sessions_of(user: User, current: str | None) -> list[SignedIn]:
    """All of a user's browsers, this one first, then the latest; `current` is the key of the session in use."""
    found = [
        SignedIn(_handle(row), row.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE), row.pk == current)
        for row in _rows(user)
    ]
    return sorted(found, key=lambda session: (not session.is_this, -session.since.timestamp()))


def end_others(user: User, current: str | None, *, handle: str = "") -> int:
    """Sign a user out in the browser with this handle, or in all but the one in use. Returns how many those were."""
    ended = 0
    for row in _rows(user):
        if row.pk != current and handle in ("", _handle(row)):
            row.delete()
            ended += 1
    return ended


def _rows(user: User) -> Iterator[Session]:
    """Each session has to be opened to see whose it is: the table does not tell."""
    for row in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if row.get_decoded().get(SESSION_KEY) == str(user.pk):
            yield row


def _handle(row: Session) -> str:
    return hashlib.sha256(row.pk.encode()).hexdigest()[:16]
