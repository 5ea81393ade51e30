"""Lists as if a worker had read them a moment ago, for tests of the calls that show and download them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from jobs import extraction
from jobs.models import Batch, Extraction
from jobs.states import ExtractionKind, ExtractionState

URL = "http://a.example/list"
ABOUT = {
    "title": "Films", "uploader": "Somebody", "uploader_id": "@somebody", "description": "About films",
    "extractor": "a:list", "extractor_key": "AList", "webpage_url": URL, "channel_id": "c1",
    "channel_follower_count": 12, "thumbnail": None,
}  # fmt: skip


def entry(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"v{number}",
        "title": f"Film {number}",
        "url": f"http://a.example/{number}",
        "duration": 60.0 * number,
        "view_count": 1000 * number,
        "uploader": "Somebody",
        "upload_date": f"202601{number:02d}",
        "thumbnail": None,
        "playlist_index": number,
        "extractor_key": "A",
        "page_entry": None,
        **values,
    }


def found(entries: list[dict[str, Any]], *, total: int | None) -> dict[str, Any]:
    return {**ABOUT, "total": total, "entries": entries}


def known(owner: User, entries: list[dict[str, Any]], *, items: str = "", total: int | None = None) -> None:
    """Let the list be known to the owner: what was asked of it, and what was found."""
    parameters = {"items": items} if items else {}
    look = extraction.queued_for(owner, ExtractionKind.ENTRIES, URL, parameters=parameters)
    look.state, look.answer = ExtractionState.COMPLETED, found(entries, total=total)
    look.expires_at = timezone.now() + timedelta(minutes=5)
    look.save()


def failed(owner: User, code: str, sentence: str, *, items: str = "") -> None:
    """Let the reading of the list have failed."""
    parameters = {"items": items} if items else {}
    look = extraction.queued_for(owner, ExtractionKind.ENTRIES, URL, parameters=parameters)
    look.state, look.error_code, look.error = ExtractionState.FAILED, code, sentence
    look.expires_at = timezone.now() + timedelta(minutes=5)
    look.save()


def read(batch: Batch, entries: list[dict[str, Any]]) -> Extraction:
    """Let the batch's list be read, as far as it was asked for."""
    look = Extraction.objects.get(batch=batch)
    look.state, look.answer = ExtractionState.COMPLETED, found(entries, total=len(entries))
    look.save()
    return look
