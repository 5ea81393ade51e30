"""Examples of quotas."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

NO_LIMIT: dict[str, Any] = {"limit": None, "used": 2, "remaining": None}
OWNER: dict[str, Any] = {
    "running_jobs": {"limit": 4, "used": 2, "remaining": 2},
    "jobs_per_day": {"limit": 500, "used": 500, "remaining": 0, "frees_up_at": "2026-11-23T09:30:00.000000Z"},
    "stored_bytes": {"limit": 107374182400, "used": 10485760, "remaining": 107363696640},
}
KEY: dict[str, Any] = {
    "running_jobs": NO_LIMIT,
    "jobs_per_day": NO_LIMIT | {"frees_up_at": None},
    "stored_bytes": NO_LIMIT,
}
QUOTA = OpenApiExample("Quotas", {"owner": OWNER, "key": KEY}, response_only=True, status_codes=["200"])
