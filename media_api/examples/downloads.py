"""Examples of downloads, and of the calls that describe the service."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample

JOB: dict[str, Any] = {
    "request_id": "req_5f2c9a1e0b7d4c38",
    "url": "https://media.example.org/watch/42",
    "title": "A walk along the river",
    "status": "completed",
    "priority": 5,
    "batch_id": None,
    "position": None,
    "progress": {
        "percent": 100.0,
        "downloaded_bytes": 10485760,
        "total_bytes": 10485760,
        "speed": 5242880.0,
        "eta": 0.0,
        "status": "completed",
    },
    "file_info": {
        "file_id": "file_0d9e8f7a6b5c4d3e",
        "role": "media",
        "filename": "A_walk_along_the_river-42.mp4",
        "file_url": "https://dl.example.org/files/WyJmaWxlXzBkIiwxNzYzODE2NDAwXQ:c2ln/A_walk_along_the_river-42.mp4",
        "file_path": "videos/A_walk_along_the_river-42.mp4",
        "size_bytes": 10485760,
        "format": "mp4",
        "mime_type": "video/mp4",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "duration_sec": 93.4,
        "language": None,
    },
    "files": [],
    "metadata": {"title": "A walk along the river", "duration": 93.4, "extractor": "generic"},
    "error": None,
    "error_code": None,
    "attempts": 1,
    "max_attempts": 4,
    "created_at": "2026-11-22T12:00:00.000000Z",
    "started_at": "2026-11-22T12:00:01.250000Z",
    "completed_at": "2026-11-22T12:00:09.500000Z",
    "expires_at": "2026-11-22T13:00:09.500000Z",
    "duration_sec": 8.25,
    "waits_until": None,
    "waits_because": None,
    "logs_url": "https://dl.example.org/api/v1/download/req_5f2c9a1e0b7d4c38/logs",
    "webhook_sent": False,
}
JOB["files"] = [JOB["file_info"]]
UNFINISHED: dict[str, Any] = {
    "title": None,
    "progress": {
        "percent": 0.0,
        "downloaded_bytes": None,
        "total_bytes": None,
        "speed": None,
        "eta": None,
        "status": "queued",
    },
    "file_info": None,
    "files": [],
    "metadata": None,
    "attempts": 0,
    "started_at": None,
    "completed_at": None,
    "expires_at": None,
    "duration_sec": None,
}
DOWNLOAD_REQUESTS = [
    OpenApiExample("a link and nothing else", {"url": "https://media.example.org/watch/42"}, request_only=True),
    OpenApiExample(
        "audio with a cover",
        {
            "url": "https://media.example.org/watch/42",
            "audio_only": True,
            "audio_format": "mp3",
            "audio_quality": "320",
            "embed_thumbnail": True,
        },
        request_only=True,
    ),
    OpenApiExample(
        "half a minute with subtitles",
        {
            "url": "https://media.example.org/watch/42",
            "quality": "720p",
            "clip_start": "1:30",
            "clip_end": 120,
            "embed_subtitles": True,
            "subtitle_languages": ["en", "pt-BR"],
        },
        request_only=True,
    ),
    OpenApiExample(
        "ten minutes of a live stream",
        {
            "url": "https://media.example.org/live",
            "live_from_start": True,
            "max_live_duration_sec": 600,
            "rate_limit_bps": 2_000_000,
            "path_template": "live/{uploader}/{date}-{safe_title}.{ext}",
        },
        request_only=True,
    ),
]


def job(status_code: int, *, status: str = "") -> OpenApiExample:
    """A Job as the answer with this HTTP status; unfinished for a 202 or when `status` says so."""
    state = status or ("queued" if status_code == 202 else "completed")
    value = JOB | {"status": state}
    if state != "completed":
        value |= UNFINISHED | {"progress": UNFINISHED["progress"] | {"status": state}}
    return OpenApiExample(f"a {state} download", value, response_only=True, status_codes=[str(status_code)])


EXTENDED = OpenApiExample(
    "kept an hour longer",
    JOB | {"expires_at": "2026-11-22T14:00:09.500000Z"},
    response_only=True,
    status_codes=["200"],
)
JOB_PAGE = OpenApiExample(
    "a page",
    {"results": [JOB], "next": "https://dl.example.org/api/v1/download?cursor=cD0yMDI2LTExLTIy", "previous": None},
    response_only=True,
    status_codes=["200"],
)
CANCELLED = OpenApiExample(
    "cancelled",
    {
        "request_id": JOB["request_id"],
        "status": "cancelled",
        "cancelled_jobs": 1,
        "message": "The download is cancelled.",
        "timestamp": "2026-11-22T12:00:05.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)
LOG = OpenApiExample(
    "a log",
    {
        "request_id": JOB["request_id"],
        "logs": ["[generic] Extracting URL", "[download] Destination: 42.mp4"],
        "log_level": "INFO",
        "total_lines": 2,
        "truncated": False,
    },
    response_only=True,
    status_codes=["200"],
)
HEALTH = OpenApiExample(
    "healthy",
    {
        "status": "healthy",
        "timestamp": "2026-11-22T12:00:00.000000Z",
        "version": settings.VERSION,
        "uptime_seconds": 86400.0,
        "checks": {
            "database": {"status": "ok", "message": "answers"},
            "broker": {"status": "ok", "message": "the database answers"},
            "storage": {"status": "ok", "message": "writes and reads, in 1 ms"},
            "disk": {"status": "ok", "message": "81234567890 bytes free"},
            "workers": {"status": "ok", "message": "1 alive, the last sign of life 3 s ago"},
            "ffmpeg": {"status": "ok", "message": "found: 7.1"},
            "js_runtime": {"status": "ok", "message": "found: deno"},
            "yt_dlp": {
                "status": "warning",
                "message": "2026.08.19 is 95 days old: sites may have changed since; see manage.py update_engine",
            },
        },
    },
    response_only=True,
    status_codes=["200"],
)
METRICS = OpenApiExample(
    "metrics",
    "# HELP media_queue_depth Jobs that wait, those before another attempt included.\n"
    "# TYPE media_queue_depth gauge\n"
    "media_queue_depth 12.0\n",
    media_type="text/plain",
    response_only=True,
    status_codes=["200"],
)
STATISTICS = OpenApiExample(
    "statistics",
    {
        "total_downloads": 1204,
        "total_bytes_downloaded": 912345678901,
        "active_downloads": 3,
        "queued_downloads": 12,
        "failed_downloads": 17,
        "success_rate": 98.56,
        "average_download_time": 41.7,
        "storage_used_bytes": 45678901234,
        "storage_available_bytes": 81234567890,
        "uptime_seconds": 86400.0,
        "requests_per_minute": 74,
        "ytdlp_version": "2026.10.26",
        "python_version": "3.11.7",
        "timestamp": "2026-11-22T12:00:00.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)
VERSION = OpenApiExample(
    "version",
    {
        "version": settings.VERSION,
        "app_name": settings.APP_NAME,
        "build_date": "2026-11-22T09:30:00.000000Z",
        "features": ["downloads", "pause_resume", "signed_links", "idempotency"],
    },
    response_only=True,
    status_codes=["200"],
)
