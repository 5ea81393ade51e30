"""Examples of what pages tell."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

URL = "https://media.example.org/watch/42"


def _format(format_id: str, **told: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("fps", "filesize", "filesize_approx", "vbr", "abr", "width", "height", "format_note", "quality", "language")
    )
    return {"format_id": format_id, **nothing, "protocol": "https", "dynamic_range": None, **told}


_FILM: dict[str, Any] = {"vcodec": "avc1.64001f", "fps": 25.0, "dynamic_range": "SDR"}
_PICTURE = _format(
    "137", ext="mp4", resolution="1920x1080", width=1920, height=1080, acodec="none", tbr=4200.0, vbr=4200.0, **_FILM
)
_SOUND = _format("140", ext="m4a", resolution="audio only", vcodec="none", acodec="mp4a.40.2", tbr=129.0, abr=129.0)
_BOTH = _format("22", ext="mp4", resolution="1280x720", width=1280, height=720, acodec="mp4a.40.2", tbr=1500.0, **_FILM)

FORMATS = OpenApiExample(
    "formats",
    {
        "url": URL,
        "title": "A walk along the river",
        "duration": 93.4,
        "thumbnail": "https://media.example.org/42.jpg",
        "formats": {"combined": [_BOTH], "video_only": [_PICTURE], "audio_only": [_SOUND]},
        "best_video_format": "137",
        "best_audio_format": "140",
        "recommended_format": "137+140",
        "extractor": "generic",
        "is_playlist": False,
    },
    response_only=True,
    status_codes=["200"],
)
VIDEO: dict[str, Any] = {
    "title": "A walk along the river",
    "description": "Filmed in one go.",
    "uploader": "Ada",
    "uploader_id": "ada",
    "upload_date": "20260314",
    "duration": 93.4,
    "view_count": 1204,
    "like_count": 88,
    "comment_count": 3,
    "width": 1920,
    "height": 1080,
    "fps": 25.0,
    "vcodec": "avc1.64001f",
    "acodec": "mp4a.40.2",
    "thumbnail": "https://media.example.org/42.jpg",
    "webpage_url": URL,
    "extractor": "generic",
    "playlist": None,
    "playlist_index": None,
    "categories": None,
    "tags": ["river", "walk"],
}
PAGE: dict[str, Any] = {
    "url": URL,
    "metadata": VIDEO,
    "formats_available": 3,
    "is_playlist": False,
    "playlist_count": None,
    "subtitles_available": ["de", "en"],
    "automatic_captions": [],
    "chapters": [],
    "is_live": False,
    "first_entry": None,
    "extractor": "generic",
    "extracted_at": "2026-11-22T12:00:00.000000Z",
}
METADATA = OpenApiExample("metadata", PAGE, response_only=True, status_codes=["200"], media_type="application/json")
CSV = OpenApiExample(
    "one line",
    "url,title,description,…\r\nhttps://media.example.org/watch/42,A walk along the river,Filmed in one go.,…\r\n",
    response_only=True,
    status_codes=["200"],
    media_type="text/csv",
)
BATCH_CSV = OpenApiExample(
    "a line for each link",
    "position,url,title,…\r\n1,https://media.example.org/watch/42,A walk along the river,…\r\n",
    response_only=True,
    status_codes=["200"],
    media_type="text/csv",
)
BATCH_REQUEST = OpenApiExample(
    "two links", {"urls": [URL, "https://media.example.org/watch/43"]}, request_only=True, media_type="application/json"
)
_FAILED: dict[str, Any] = {
    "position": 2,
    "url": "https://media.example.org/watch/43",
    "status": "failed",
    "result": None,
    "error": "There is nothing at this address any more; open it in a browser and copy the current address.",
    "error_code": "not_found",
}
_DONE: dict[str, Any] = _FAILED | {
    "position": 1,
    "url": URL,
    "status": "completed",
    "result": PAGE,
    "error": None,
    "error_code": None,
}
_OVER: dict[str, Any] = {
    "batch_id": "batch_1d0c8e5a7b3f4926",
    "status": "completed",
    "total": 2,
    "completed": 1,
    "failed": 1,
    "running": 0,
    "queued": 0,
    "cancelled": 0,
    "results": [_DONE, _FAILED],
    "created_at": "2026-11-22T12:00:00.000000Z",
    "started_at": "2026-11-22T12:00:00.250000Z",
    "completed_at": "2026-11-22T12:00:02.500000Z",
    "error": None,
}
_WAITING: dict[str, Any] = {"status": "queued", "result": None, "error": None, "error_code": None}
_QUEUED: dict[str, Any] = _OVER | {
    "status": "queued",
    "completed": 0,
    "failed": 0,
    "queued": 2,
    "results": [_DONE | _WAITING, _FAILED | _WAITING],
    "started_at": None,
    "completed_at": None,
}


def batch(status_code: int, *, status: str) -> OpenApiExample:
    """A metadata batch, `completed` or `queued`, as the answer with this HTTP status."""
    return OpenApiExample(
        f"a {status} metadata batch",
        _OVER if status == "completed" else _QUEUED,
        response_only=True,
        status_codes=[str(status_code)],
        media_type="application/json",
    )


CANCELLED = OpenApiExample(
    "cancelled",
    {
        "request_id": "batch_1d0c8e5a7b3f4926",
        "status": "cancelled",
        "cancelled_jobs": 2,
        "message": "The batch is cancelled.",
        "timestamp": "2026-11-22T12:00:05.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)
