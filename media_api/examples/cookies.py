"""Examples of cookie jars."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from media_api.serializers.cookies import NO_BROWSER

LINE = ".example.org\tTRUE\t/\tTRUE\t1826884800\tsession\t0123456789abcdef"
JAR: dict[str, Any] = {
    "cookie_id": "cookie_9b1c7e52a0d34f68",
    "name": "example",
    "created_at": "2026-11-22T12:00:00.000000Z",
    "updated_at": "2026-11-22T12:00:00.000000Z",
    "browser": None,
    "domains": ["example.org"],
    "status": "active",
    "expires_at": "2027-11-22T12:00:00.000000Z",
    "last_used_at": None,
    "tested_at": None,
    "test_result": None,
}
REQUEST = OpenApiExample(
    "the text of a cookies.txt",
    {"cookies": f"# Netscape HTTP Cookie File\n{LINE}\n", "name": "example"},
    request_only=True,
    media_type="application/json",
)
STORED = OpenApiExample("stored", JAR | {"dropped": 0}, response_only=True, status_codes=["201"])
ONE = OpenApiExample("a jar", JAR, response_only=True, status_codes=["200"])
ALL = OpenApiExample("all jars", {"cookies": [JAR], "total": 1}, response_only=True, status_codes=["200"])
DELETED = OpenApiExample(
    "deleted",
    {
        "id": JAR["cookie_id"],
        "resource_type": "cookie",
        "status": "deleted",
        "message": "The cookies are deleted.",
        "timestamp": "2026-11-22T12:30:00.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)
TEST = OpenApiExample("a page for members", {"url": "https://example.org/members/42"}, request_only=True)
TESTED = OpenApiExample(
    "accepted",
    {
        "cookie_id": JAR["cookie_id"],
        "url": "https://example.org/members/42",
        "result": "accepted",
        "message": "The site shows the page with these cookies, and not without them.",
        "tested_at": "2026-11-22T12:10:00.000000Z",
    },
    response_only=True,
    status_codes=["200"],
)


def _refusal(name: str, *details: tuple[str, str]) -> OpenApiExample:
    (field, message), *_ = details
    entries = [{"field": field, "message": message} for field, message in details]
    more = f" ({len(entries) - 1} more below)" if len(entries) > 1 else ""
    error = {"code": "VALIDATION_ERROR", "message": f"{field}: {message}{more}", "request_id": "b7e0f3a49d2c4c51"}
    return OpenApiExample(name, {"error": error | {"details": entries}}, response_only=True, status_codes=["422"])


WRONG_LINES = _refusal(
    "lines that are wrong",
    ("cookies", "line 3: needs 7 fields separated by tabs"),
    ("cookies", "line 8: the fifth field, the expiry, is a Unix time in whole seconds, or 0"),
)
FROM_BROWSER = _refusal("a browser of the server's", ("browser", NO_BROWSER))
