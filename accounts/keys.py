"""Issuing, recognising and revoking API keys. How a request carries one is `authentication`'s business."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, Scope, User

PREFIX = "mdl"
PREFIX_LENGTH = 12
LAST_USED_PRECISION = timedelta(minutes=1)
INCLUDED: dict[str, frozenset[str]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.READ, Scope.WRITE}),
    Scope.ADMIN: frozenset({Scope.READ, Scope.WRITE, Scope.ADMIN}),
}


@dataclass(frozen=True)
class IssuedKey:
    """A new key; `secret` is what the caller sends and is shown this once."""

    key: ApiKey
    secret: str = field(repr=False)


def issue(
    owner: User,
    name: str,
    *,
    scopes: Sequence[str] = (Scope.READ, Scope.WRITE),
    expires_at: datetime | None = None,
    secret: str = "",
) -> IssuedKey:
    """Create a key of 256 random bits, or one with the given `secret`."""
    secret = secret or _new_secret()
    key = ApiKey.objects.create(
        owner=owner,
        name=name,
        prefix=_shown(secret),
        digest=digest(secret),
        scopes=list(scopes),
        expires_at=expires_at,
    )
    return IssuedKey(key, secret)


def rotate(key: ApiKey) -> IssuedKey:
    """Give a key a new secret; the old one stops working at once. Scopes, allowance, end and record stay."""
    secret = _new_secret()
    key.prefix, key.digest = _shown(secret), digest(secret)
    key.save(update_fields=["prefix", "digest"])
    return IssuedKey(key, secret)


def recognise(secret: str) -> ApiKey | None:
    """The usable key of an active owner that belongs to `secret`, else None.

    The look-up goes by SHA-256, so its timing tells nothing about a stored key.
    """
    key = ApiKey.objects.select_related("owner").filter(digest=digest(secret)).first()
    if key is None or not key.is_usable() or not (key.owner.is_active or key.owner.username == "anonymous"):
        return None
    return key


def touch(key: ApiKey) -> None:
    """Note that the key was used; written at most once a minute."""
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
    if key.last_used_at is None or key.last_used_at < now - LAST_USED_PRECISION:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def revoke(key: ApiKey) -> None:
    """The key stops working at once; its row stays for the record."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def allows(key: ApiKey, scope: str) -> bool:
    """Whether one of the key's scopes includes `scope`."""
    return any(scope in INCLUDED.get(granted, frozenset()) for granted in key.scopes)


def digest(secret: str) -> str:
    """SHA-256 in hex. Keys carry 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _new_secret() -> str:
    return f"{PREFIX}_{secrets.token_urlsafe(32)}"


def _shown(secret: str) -> str:
    """What people recognise it by. Of one that somebody chose, little is told."""
    return secret[:PREFIX_LENGTH] if secret.startswith(f"{PREFIX}_") else secret[:4]
