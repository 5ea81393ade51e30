"""Examples of the archive."""

from drf_spectacular.utils import OpenApiExample

TEXT_VALUE = "youtube a1B2c3D4e5F\nvimeo 76979871\n"
PAGE = OpenApiExample(
    "a page",
    {
        "results": [{"extractor": "youtube", "id": "a1B2c3D4e5F", "created_at": "2026-11-22T12:00:00.000000Z"}],
        "next": "https://dl.example.org/api/v1/archive?cursor=older-1763812800000000-7",
        "previous": None,
    },
    response_only=True,
    status_codes=["200"],
    media_type="application/json",
)
TEXT = OpenApiExample("archive.txt", TEXT_VALUE, response_only=True, status_codes=["200"], media_type="text/plain")
IMPORT = OpenApiExample("archive.txt", TEXT_VALUE, request_only=True, media_type="text/plain")
IMPORTED = OpenApiExample(
    "imported", {"added": 1, "known": 1, "skipped": 0, "total": 25}, response_only=True, status_codes=["200"]
)
REMOVED = OpenApiExample(
    "removed",
    {
        "id": "youtube a1B2c3D4e5F",
        "resource_type": "archive_entry",
        "status": "deleted",
        "message": "The archive no longer has this entry.",
        "timestamp": "2026-11-22T12:00:05.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)
