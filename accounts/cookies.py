"""Cookie jars: what their owners and the sites do with them. Who lends one for what work is not known here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import CookieJar, User
from accounts.netscape import MAX_COOKIES, Cookie, CookiesRefused, Key, by_key, parse, text_of
from accounts.vault import CannotDecrypt, Sealed

log = structlog.get_logger(__name__)

MAX_MERGES = 5
EXPIRING = timedelta(days=3)


class TooManyJars(Exception):
    """The owner has MAX_COOKIE_JARS already."""


class JarNotFound(Exception):
    """No such jar, or it belongs to somebody else: the caller cannot tell which."""


class Status(StrEnum):
    """`expiring` from three days before the first cookie of a jar expires; `expired` when none is left."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"


class TestResult(StrEnum):
    """What a site made of a jar."""

    __test__ = False  # pytest takes it for one of its own

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A jar with new content, and how many cookies were left out because they had expired already."""

    jar: CookieJar
    dropped: int


def store(owner: User, name: str, text: str) -> Stored:
    """Keep the cookies as the owner's jar of this name; one that is there gets new content and keeps its id.

    Raises CookiesRefused, and TooManyJars for a new name too many.
    """
    given = parse(text, max_bytes=settings.MAX_COOKIE_BYTES)
    cookies = [cookie for cookie in given if not cookie.has_expired()]
    if not cookies:
        raise CookiesRefused("Every cookie in it has expired. Sign in with the browser and export them again.")
    now = timezone.now()
    content = {**_columns(cookies), "updated_at": now, "tested_at": None, "test_result": ""}
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # two at once must not both be the last one
        _refuse_too_many(owner, name)
        jar, _ = CookieJar.objects.update_or_create(
            owner=owner, name=name, defaults=content, create_defaults={**content, "created_at": now}
        )
    return Stored(jar=jar, dropped=len(given) - len(cookies))


def _refuse_too_many(owner: User, name: str) -> None:
    mine = CookieJar.objects.filter(owner=owner)
    if mine.count() >= settings.MAX_COOKIE_JARS and not mine.filter(name=name).exists():
        raise TooManyJars(
            f"You have {settings.MAX_COOKIE_JARS} cookie jars, as many as there may be. "
            "Take the name of one that you no longer need, or delete one."
        )


def jar_of(owner: User, public_id: str) -> CookieJar:
    """The owner's jar. Raises JarNotFound for unknown ids and for other people's alike."""
    jar = CookieJar.objects.filter(owner=owner, public_id=public_id).first()
    if jar is None:
        raise JarNotFound(f"There is no cookie jar {public_id!r}.")
    return jar


def jars_of(owner: User) -> Sequence[CookieJar]:
    """The owner's jars by name."""
    return list(CookieJar.objects.filter(owner=owner).defer("content"))


def status_of(jar: CookieJar) -> Status:
    """How long the jar is good for. Session cookies have no end of their own."""
    now = timezone.now()
    if jar.lapses_at is not None and jar.lapses_at <= now:
        return Status.EXPIRED
    if jar.expires_at is not None and jar.expires_at <= now + EXPIRING:
        return Status.EXPIRING
    return Status.ACTIVE


def covers(jar: CookieJar, host: str) -> bool:
    """Whether the jar may have cookies for a host."""
    return any(host == domain or host.endswith(f".{domain}") for domain in jar.domains)


def note_use(jar: CookieJar) -> None:
    """Remember that the jar was taken for some work."""
    CookieJar.objects.filter(pk=jar.pk).update(last_used_at=timezone.now())


def note_test(jar: CookieJar, result: TestResult) -> bool:
    """Remember what a site made of the jar. False, and nothing, when it got new content since it was read."""
    same = CookieJar.objects.filter(pk=jar.pk, updated_at=jar.updated_at)
    is_noted = bool(same.update(tested_at=timezone.now(), test_result=result))
    jar.refresh_from_db()
    return is_noted


def refresh(jar: CookieJar, *, before: str, after: str) -> bool:
    """Apply what sites changed to the cookies of a jar that was lent out: `before` as lent, `after` as it came back.

    Sites change their own cookies only: what is outside the domains of `before` is dropped. Of several that bring the
    jar back each one's changes count. An upload since it was lent wins, and a jar is never emptied. `jar` is the row
    as it was when the cookies were taken from it. Returns whether anything was stored.
    """
    changes = _changes(before, after)
    for _ in range(MAX_MERGES if changes else 0):
        row = CookieJar.objects.filter(pk=jar.pk, updated_at=jar.updated_at)
        now = row.first()
        cookies = _merged(now, changes) if now else []
        if now is None or not cookies:
            return False
        if row.filter(content=now.content).update(**_columns(cookies)):
            return True
    return False


def _columns(cookies: Sequence[Cookie]) -> dict[str, object]:
    """What the row of a jar tells of its cookies."""
    text = text_of(cookies)
    ends = [cookie.expires for cookie in cookies if cookie.expires]
    return {
        "content": Sealed.of(text),
        "domains": sorted({cookie.domain.removeprefix(".") for cookie in cookies}),
        "expires_at": _moment(min(ends)) if ends else None,
        "lapses_at": _moment(max(ends)) if len(ends) == len(cookies) else None,
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _changes(before: str, after: str) -> dict[Key, Cookie | None]:
    """New and changed cookies by key; None for those that are gone."""
    old, new = by_key(before), by_key(after)
    scopes = {cookie.domain for cookie in old.values()}
    gone = dict.fromkeys(old.keys() - new.keys())
    ours = {key: cookie for key, cookie in new.items() if old.get(key) != cookie and _is_within(cookie.domain, scopes)}
    return {**gone, **ours}


def _is_within(domain: str, scopes: Iterable[str]) -> bool:
    return any(domain == scope or (scope.startswith(".") and f".{domain}".endswith(scope)) for scope in scopes)


def _merged(jar: CookieJar, changes: dict[Key, Cookie | None]) -> list[Cookie]:
    """The jar's cookies with the changes; none when that would be no jar."""
    try:
        now = {**by_key(jar.content.reveal()), **changes}
    except CannotDecrypt:
        log.warning("cookies could not be refreshed", jar=jar.public_id, reason="encryption keys changed")
        return []
    cookies = [cookie for cookie in now.values() if cookie is not None and not cookie.has_expired()]
    is_fit = len(cookies) <= MAX_COOKIES and len(text_of(cookies)) <= settings.MAX_COOKIE_BYTES
    return cookies if is_fit else []
