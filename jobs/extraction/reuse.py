"""What a look at a page found, kept for a download that follows, so that the site is not asked twice.

It holds links that open without a password, and the cookies that go with them: it is stored encrypted, serves the same
owner with the same cookie jar only, and is forgotten with the answer.
"""

import base64
import json
import zlib
from typing import Any

import structlog
from django.utils import timezone

from accounts.vault import CannotDecrypt, Sealed
from jobs.models import Extraction, Job
from jobs.states import ExtractionKind, ExtractionState

log = structlog.get_logger(__name__)


def sealed(info: dict[str, Any] | None) -> Sealed | None:
    """The info, small and unreadable."""
    if info is None:
        return None
    packed = zlib.compress(json.dumps(info).encode())
    return Sealed.of(base64.b64encode(packed).decode("ascii"))


def known_info(job: Job) -> dict[str, Any] | None:
    """What was found at the job's link within the cache's time; None when nobody has looked, or not all of it fits."""
    if job.page_entry is not None:
        return None
    looked = Extraction.objects.filter(
        owner=job.owner_id,
        kind=ExtractionKind.VIDEO,
        url=job.url,
        cookie_jar=job.cookie_jar_id,
        state=ExtractionState.COMPLETED,
        expires_at__gt=timezone.now(),
        known_info__isnull=False,
    )
    if job.cookie_jar is not None:  # what was found with other cookies than it has now is not what it leads to
        looked = looked.filter(created_at__gte=job.cookie_jar.updated_at)
    found = looked.order_by("-id").only("known_info").first()
    if found is None or found.known_info is None:
        return None
    try:
        return dict(json.loads(zlib.decompress(base64.b64decode(found.known_info.reveal()))))
    except CannotDecrypt:
        log.warning("a page is read again", extraction=found.pk, reason="encryption keys changed")
        return None
