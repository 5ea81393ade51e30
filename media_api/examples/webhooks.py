"""Examples of webhooks."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - of Standard Webhooks' own documentation
WEBHOOK: dict[str, Any] = {
    "webhook_id": "wh_4f0a9c2e7b1d8365",
    "url": "https://hooks.example.org/media",
    "description": "the archive's intake",
    "events": ["download.completed", "download.failed"],
    "is_active": True,
    "disabled_reason": None,
    "last_result": {"at": "2026-11-22T12:00:10.000000Z", "status": 200, "error": None},
    "created_at": "2026-11-22T11:00:00.000000Z",
}
NEW: dict[str, Any] = WEBHOOK | {"last_result": None, "secret": SECRET}
DELIVERY: dict[str, Any] = {
    "delivery_id": "msg_7d1f3c5b9a8e6042d4b1c3f5",
    "webhook_id": WEBHOOK["webhook_id"],
    "url": WEBHOOK["url"],
    "event": "download.completed",
    "request_id": "req_5f2c9a1e0b7d4c38",
    "batch_id": None,
    "state": "delivered",
    "attempts": 2,
    "created_at": "2026-11-22T12:00:09.500000Z",
    "next_attempt_at": None,
    "completed_at": "2026-11-22T12:00:15.130000Z",
}
PAYLOAD: dict[str, Any] = {
    "event": "download.completed",
    "timestamp": "2026-11-22T12:00:09.500000Z",
    "request_id": "req_5f2c9a1e0b7d4c38",
    "data": {
        "request_id": "req_5f2c9a1e0b7d4c38",
        "url": "https://media.example.org/watch/42",
        "status": "completed",
        "timestamp": "2026-11-22T12:00:09.500000Z",
        "batch_id": None,
        "title": "A walk along the river",
        "file_url": "https://dl.example.org/files/WyJmaWxlXzBkIiwxNzYzODE2NDAwXQ:c2ln/A_walk_along_the_river-42.mp4",
        "file_path": "videos/A_walk_along_the_river-42.mp4",
        "file_size": 10485760,
        "duration": 93.4,
    },
}
LOG = [
    {
        "at": "2026-11-22T12:00:09.600000Z",
        "status": None,
        "latency_ms": 12,
        "excerpt": "",
        "error": "Connection refused",
    },
    {"at": "2026-11-22T12:00:15.100000Z", "status": 200, "latency_ms": 30, "excerpt": "ok", "error": None},
]
REQUESTS = [
    OpenApiExample(
        "told when downloads end",
        {
            "url": WEBHOOK["url"],
            "description": WEBHOOK["description"],
            "events": WEBHOOK["events"],
        },
        request_only=True,
    )
]
CHANGE = OpenApiExample("turned off", {"is_active": False}, request_only=True)


def answer(name: str, value: Any, status_code: int = 200) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[str(status_code)])


CREATED = answer("a new webhook", NEW, 201)
ROTATED = answer("a webhook with its new secret", WEBHOOK | {"secret": SECRET})
ONE = answer("a webhook", WEBHOOK)
ALL = answer("webhooks", {"webhooks": [WEBHOOK], "total": 1})
TESTED = answer(
    "taken",
    {
        "message_id": "msg_0c9e8d7f6a5b4c3d2e1f0a9b",
        "delivered": True,
        "status": 204,
        "latency_ms": 41,
        "excerpt": "",
        "error": None,
    },
)
SIGNING_SECRET = answer("a secret", {"secret": SECRET, "created_at": "2026-11-22T11:00:00.000000Z"})
DELIVERIES = answer("a page", {"results": [DELIVERY], "next": None, "previous": None})
DELIVERY_WITH_LOG = answer("a delivery", DELIVERY | {"payload": PAYLOAD, "log": LOG})
REDELIVERED = answer(
    "to be sent again",
    DELIVERY
    | {"state": "pending", "attempts": 0, "next_attempt_at": "2026-11-22T13:00:00.000000Z", "completed_at": None},
)
DELETED = answer(
    "deleted",
    {
        "id": WEBHOOK["webhook_id"],
        "resource_type": "webhook",
        "status": "deleted",
        "message": "The webhook is deleted.",
        "timestamp": "2026-11-22T12:00:00.000000Z",
    },
)
