"""When a lease ends, and whether it has. By the database's clock: the hosts' own may differ by more than a lease."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Now


def end_of(seconds: float) -> Combinable:
    """The end of a lease that begins now, for an UPDATE."""
    return Now() + timedelta(seconds=seconds)


def has_lapsed() -> Q:
    """Holds for rows whose lease is over, or ends later than a living worker's can: then the clock was set back."""
    never = timedelta(seconds=2 * settings.LEASE_SECONDS)
    return Q(lease_expires_at__lt=Now()) | Q(lease_expires_at__gt=Now() + never)
