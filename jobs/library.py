"""Finished files as their owners look for them: search, filters, order. Changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone

from accounts.models import User
from jobs import queries
from jobs.engine.contract import FileRole
from jobs.models import Job, MediaFile
from jobs.states import State

MIB, GIB = 1024**2, 1024**3
KINDS = ("video", "audio")
AGES: Mapping[str, timedelta] = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
SIZES: Mapping[str, Q] = {
    "small": Q(size_bytes__lt=50 * MIB),
    "medium": Q(size_bytes__gte=50 * MIB, size_bytes__lt=500 * MIB),
    "large": Q(size_bytes__gte=500 * MIB, size_bytes__lt=2 * GIB),
    "huge": Q(size_bytes__gte=2 * GIB),
}
ORDERS: Mapping[str, tuple[str | Combinable, ...]] = {
    "newest": ("-completed_at", "-id"),
    "oldest": ("completed_at", "id"),
    "name": (Lower("title"), "-id"),
    "largest": ("-size_bytes", "-id"),
    "smallest": ("size_bytes", "id"),
    "expiring": (F("expires_at").asc(nulls_last=True), "id"),
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody looks for. Words that are not known here stand for no wish."""

    text: str = ""
    site: str = ""
    kind: str = ""
    age: str = ""
    size: str = ""
    order: str = "newest"

    def is_filtered(self) -> bool:
        """Whether anything may be left out."""
        return any((self.text, self.site, self.kind, self.age, self.size))


def kept_by(user: User) -> QuerySet[Job]:
    """A user's jobs whose files are there, with `size_bytes` of them together."""
    own = MediaFile.objects.filter(job=OuterRef("pk"), deleted_at__isnull=True).order_by().values("job")
    size = Subquery(own.annotate(size=Sum("size_bytes")).values("size"))
    kept = queries.visible_to(user).filter(state=State.COMPLETED, deletion_asked_at__isnull=True)
    return kept.annotate(size_bytes=Coalesce(size, 0)).defer("provenance", "options", "template_values")


def find(user: User, wanted: Wanted) -> QuerySet[Job]:
    """The kept jobs that fit, files prefetched."""
    found = kept_by(user).filter(_matches(wanted))
    if wanted.kind in KINDS:
        media = MediaFile.objects.filter(job=OuterRef("pk"), role=FileRole.MEDIA, deleted_at__isnull=True)
        found = found.filter(Exists(media.filter(mime_type__startswith=f"{wanted.kind}/")))
    return found.order_by(*ORDERS.get(wanted.order, ORDERS["newest"])).prefetch_related("files")


def sites_of(user: User) -> list[str]:
    """The hosts that a user's kept files come from."""
    kept = queries.visible_to(user).filter(state=State.COMPLETED, deletion_asked_at__isnull=True)
    return list(kept.order_by("host").values_list("host", flat=True).distinct())


def _matches(wanted: Wanted) -> Q:
    conditions: Mapping[str, Callable[[str], Q]] = {
        "text": lambda text: Q(title__icontains=text) | Q(url__icontains=text),
        "site": lambda host: Q(host=host),
        "age": lambda age: Q(completed_at__gte=timezone.now() - AGES[age]) if age in AGES else Q(),
        "size": lambda size: SIZES.get(size, Q()),
    }
    matches = Q()
    for name, condition in conditions.items():
        value = getattr(wanted, name)
        matches &= condition(value) if value else Q()
    return matches
