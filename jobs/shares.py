"""Links by which owners let others have a file: made, found, revoked, counted. Serving is `media_api`'s part."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from jobs import queries
from jobs.errors import NotFound, StateConflict
from jobs.models import MediaFile, ShareLink

LIFETIMES = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
MOST_OF_ONE_FILE = 50


@dataclass(frozen=True)
class Issued:
    """A new link; `token` is what its address carries and is known this once."""

    link: ShareLink
    token: str = field(repr=False)


def issue(file: MediaFile, lifetime: timedelta) -> Issued:
    """Make a link of 192 random bits. It ends with its file, if that comes first.

    Raises StateConflict when the file is gone or has as many links as it may have.
    """
    if file.deleted_at is not None:
        raise StateConflict("This file is deleted, so there is nothing to share.")
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        MediaFile.objects.select_for_update(no_key=True).get(pk=file.pk)  # two at once must not both be the last one
        if file.shares.count() >= MOST_OF_ONE_FILE:
            raise StateConflict(f"This file has {MOST_OF_ONE_FILE} links, and no more are allowed.")
        link = ShareLink.objects.create(file=file, digest=_digest(token), expires_at=timezone.now() + lifetime)
    return Issued(link, token)


def shared(token: str) -> ShareLink:
    """The usable link of a token whose file is there. Raises NotFound, and tells nobody why."""
    found = ShareLink.objects.select_related("file__job").filter(digest=_digest(token)).first()
    is_there = found is not None and found.file.deleted_at is None and found.file.job.deletion_asked_at is None
    if found is None or not is_there or not found.is_usable():
        raise NotFound("This link does not work, or not any more.")
    return found


def links_of(user: User) -> QuerySet[ShareLink]:
    """What a user shares or has shared, newest first."""
    return ShareLink.objects.filter(file__job__in=queries.visible_to(user)).select_related("file__job")


def revoke(user: User, public_id: str) -> ShareLink:
    """End the user's link at once; its row stays for the record. Raises NotFound."""
    link = links_of(user).filter(public_id=public_id).first()
    if link is None:
        raise NotFound(f"There is no shared link {public_id!r}.")
    ShareLink.objects.filter(pk=link.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    link.refresh_from_db()
    return link


def count(link: ShareLink) -> None:
    """Note that somebody began to fetch the file."""
    ShareLink.objects.filter(pk=link.pk).update(fetches=F("fetches") + 1, last_fetched_at=timezone.now())


def _digest(token: str) -> str:
    """SHA-256 in hex. Tokens are random, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
