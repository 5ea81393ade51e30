"""Examples of batches."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from media_api.examples.downloads import JOB, UNFINISHED

_SHOWN = ("url", "status", "title", "progress", "file_info", "error", "error_code", "created_at", "completed_at")


def _entry(position: int, job: dict[str, Any]) -> dict[str, Any]:
    return {"job_id": f"req_5f2c9a1e0b7d4c3{position}", "position": position} | {name: job[name] for name in _SHOWN}


SUMMARY: dict[str, Any] = {
    "batch_id": "batch_1d0c8e5a7b3f4926",
    "kind": "links",
    "url": None,
    "title": None,
    "status": "completed",
    "total_jobs": 2,
    "completed_jobs": 2,
    "failed_jobs": 0,
    "running_jobs": 0,
    "queued_jobs": 0,
    "paused_jobs": 0,
    "cancelled_jobs": 0,
    "skipped_jobs": 0,
    "progress": {"percent": 100.0, "text": "2/2"},
    "concurrent_limit": 3,
    "stop_on_error": False,
    "created_at": "2026-11-22T12:00:00.000000Z",
    "started_at": "2026-11-22T12:00:01.250000Z",
    "completed_at": "2026-11-22T12:00:14.750000Z",
    "duration_sec": 13.5,
    "error": None,
}
BATCH: dict[str, Any] = SUMMARY | {"jobs": [_entry(1, JOB), _entry(2, JOB)], "page": 1, "total_pages": 1}
_WAITING = JOB | UNFINISHED | {"status": "queued"}
UNFINISHED_BATCH: dict[str, Any] = BATCH | {
    "completed_jobs": 0,
    "queued_jobs": 2,
    "progress": {"percent": 0.0, "text": "0/2"},
    "jobs": [_entry(1, _WAITING), _entry(2, _WAITING)],
    "started_at": None,
    "completed_at": None,
    "duration_sec": None,
}
OF_A_LIST = {"kind": "playlist", "url": "https://media.example.org/list/7", "title": "Rivers", "concurrent_limit": None}
BATCH_REQUESTS = [
    OpenApiExample(
        "two links",
        {
            "urls": ["https://media.example.org/watch/42", "https://media.example.org/watch/43"],
            "quality": "720p",
            "concurrent_limit": 2,
        },
        request_only=True,
        media_type="application/json",
    ),
    OpenApiExample(
        "a file of links",
        {"file": "# rivers\nhttps://media.example.org/watch/42\n", "quality": "720p"},
        request_only=True,
        media_type="multipart/form-data",
    ),
]


def batch(status_code: int, *, status: str = "completed", **fields: Any) -> OpenApiExample:
    """A Batch as the answer with this HTTP status; `fields` replace some of the example's."""
    value = (BATCH if status == "completed" else UNFINISHED_BATCH) | {"status": status} | fields
    return OpenApiExample(f"a {status} batch", value, response_only=True, status_codes=[str(status_code)])


BATCH_PAGE = OpenApiExample(
    "a page",
    {
        "results": [SUMMARY],
        "next": "https://dl.example.org/api/v1/batch?cursor=older-1763812800000000-7",
        "previous": None,
    },
    response_only=True,
    status_codes=["200"],
)
CANCELLED = OpenApiExample(
    "cancelled",
    {
        "request_id": SUMMARY["batch_id"],
        "status": "cancelled",
        "cancelled_jobs": 2,
        "message": "The batch is cancelled.",
        "timestamp": "2026-11-22T12:00:05.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)
