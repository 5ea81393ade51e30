"""Pages as if a worker had read them a moment ago, for tests of what people see of them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from jobs import extraction
from jobs.models import Extraction
from jobs.states import ExtractionKind, ExtractionState

LINK = "https://media.example/v"
NOTHING: dict[str, Any] = dict.fromkeys(
    ("width", "filesize", "filesize_approx", "tbr", "vbr", "abr", "height", "format_id", "vcodec", "acodec")
)


def picture(height: int, *, acodec: str = "none", **values: Any) -> dict[str, Any]:
    return {**NOTHING, "height": height, "vcodec": "h264", "acodec": acodec, **values}


def sound(**values: Any) -> dict[str, Any]:
    return {**NOTHING, "vcodec": "none", "acodec": "aac", **values}


def video(*formats: dict[str, Any], **values: Any) -> dict[str, Any]:
    """What a look at a video's page tells."""
    metadata = {"title": "Boats & ships", "duration": 100.0, "uploader": "Somebody", "thumbnail": None}
    return {
        "metadata": {**metadata, **values.pop("metadata", {})},
        "formats": list(formats),
        "subtitles": {},
        "automatic_captions": {},
        "is_live": False,
        "is_playlist": False,
        "playlist_count": None,
        "first_entry": None,
        **values,
    }


def asked(owner: User, url: str = LINK, **fields: Any) -> Extraction:
    """A question that a worker has not answered yet."""
    look = extraction.queued_for(owner, ExtractionKind.VIDEO, url)
    for name, value in fields.items():
        setattr(look, name, value)
    look.save()
    return look


def read(owner: User, answer: dict[str, Any], url: str = LINK) -> Extraction:
    expiry = timezone.now() + timedelta(minutes=5)
    return asked(owner, url, state=ExtractionState.COMPLETED, answer=answer, expires_at=expiry)
