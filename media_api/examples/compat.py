"""Examples of the older product's calls."""

from drf_spectacular.utils import OpenApiExample

ID = "req_5f2c9a1e0b7d4c38"

REQUEST = OpenApiExample(
    "a link",
    {"url": "https://media.example.org/watch/42", "dest": "RAILWAY", "format": "bv*+ba/best", "timeout_sec": 1800},
    request_only=True,
)
JOB = OpenApiExample(
    "done",
    {
        "status": "DONE",
        "request_id": ID,
        "file_url": "https://dl.example.org/files/WyJmaWxlXzBkIiwxNzYzODE2NDAwXQ:c2ln/A_walk_along_the_river-42.mp4",
        "bytes": 10485760,
        "duration_sec": 12.5,
        "logs_url": f"https://dl.example.org/downloads/{ID}/logs",
        "error": None,
        "created_at": "2026-11-22T12:00:00.000000Z",
        "completed_at": "2026-11-22T12:00:12.500000Z",
        "deletion_time": "2026-11-22T13:00:12.500000Z",
    },
    response_only=True,
    status_codes=["200"],
)
LOG = OpenApiExample(
    "a log",
    {
        "request_id": ID,
        "logs": ["[generic] Extracting URL", "[download] Destination: 42.mp4"],
        "status": "DONE",
        "log_count": 2,
    },
    response_only=True,
    status_codes=["200"],
)
