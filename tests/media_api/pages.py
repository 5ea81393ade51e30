"""Pages that were read, as the tests of formats and metadata need them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from jobs import extraction
from jobs.engine import reading
from jobs.models import Extraction
from jobs.states import ExtractionKind, ExtractionState

URL = "http://media.example/watch"
INFO: dict[str, Any] = {
    "id": "42",
    "title": "=HYPERLINK(A1)",
    "description": "Two lines,\n“quoted”",
    "uploader": "Ada",
    "duration": 93.5,
    "view_count": 7,
    "tags": ["a", "b"],
    "thumbnail": "http://media.example/42.jpg",
    "webpage_url": URL,
    "extractor": "generic",
    "format_id": "v2+a",
    "subtitles": {"en": [{"ext": "vtt"}], "de": [{"ext": "srt"}]},
}
FORMATS: list[dict[str, Any]] = [
    {"format_id": "preview", "ext": "mhtml", "vcodec": "none", "acodec": "none"},
    {"format_id": "a", "ext": "m4a", "vcodec": "none", "acodec": "mp4a.40.2", "abr": 128.5},
    {"format_id": "both", "ext": "mp4", "vcodec": "avc1", "acodec": "mp4a.40.2", "width": 640, "height": 360},
    {"format_id": "v2", "ext": "mp4", "vcodec": "avc1", "acodec": "none", "width": 1280, "height": 720, "fps": 25},
]
LIST: dict[str, Any] = {"title": "A list", "extractor": "generic", "webpage_url": URL}


def read_page(owner: User, url: str = URL, found: dict[str, Any] | None = None) -> Extraction:
    """A page that a worker has read for the owner a moment ago."""
    row = extraction.ask(owner, ExtractionKind.VIDEO, url)
    return answered(row, found or reading.video(INFO, FORMATS))


def answered(row: Extraction, found: dict[str, Any]) -> Extraction:
    now = timezone.now()
    row.state, row.answer, row.completed_at = ExtractionState.COMPLETED, found, now
    row.expires_at = now + timedelta(minutes=5)
    row.save()
    return row


def failed(row: Extraction, code: str, message: str) -> Extraction:
    now = timezone.now()
    row.state, row.error_code, row.error = ExtractionState.FAILED, code, message
    row.completed_at, row.expires_at = now, now + timedelta(seconds=5)
    row.save()
    return row


def failed_page(owner: User, code: str, message: str = "It failed.", url: str = URL) -> Extraction:
    """A page that a worker could not read a moment ago."""
    return failed(extraction.ask(owner, ExtractionKind.VIDEO, url), code, message)
