"""How many calls a caller may make. The counting is django-ratelimit's, on a cache whose increments are atomic."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.addresses import client_address, limited_as
from accounts.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module when it is loaded

GROUP = "api"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a caller used of one limit, this call included. `seconds_left` until the count starts anew."""

    limit: int
    count: int
    seconds_left: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.count)

    @property
    def is_exceeded(self) -> bool:
        return self.count > self.limit

    def headers(self) -> dict[str, str]:
        """`X-RateLimit-Reset` is a Unix time in seconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(time.time()) + self.seconds_left),
        }


class CallThrottle(BaseThrottle):
    """RATE_LIMIT_PER_MINUTE and RATE_LIMIT_PER_HOUR of one key, one signed-in person, or one address. 0 is no limit."""

    def __init__(self) -> None:
        self.tightest: Usage | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.tightest = _tightest(count(request))
        return self.tightest is None or not self.tightest.is_exceeded

    def wait(self) -> float | None:
        return None if self.tightest is None else float(self.tightest.seconds_left)


def count_wrong_key(request: HttpRequest) -> None:
    """Count a call with a wrong key where no `CallThrottle` does. Raises Throttled when its address sent too many."""
    usage = _tightest(_counted(request, _address(request)))
    if usage is not None and usage.is_exceeded:
        raise Throttled(usage.seconds_left)


def count(request: Request) -> list[Usage]:
    """Count this call against every limit that is on."""
    return _counted(request._request, counted_as(request))


def _counted(request: HttpRequest, who: str) -> list[Usage]:
    limits = ((settings.RATE_LIMIT_PER_MINUTE, "m"), (settings.RATE_LIMIT_PER_HOUR, "h"))
    return [_usage(request, who, limit, period) for limit, period in limits if limit]


def counted_as(request: Request) -> str:
    """Under which name the calls of this caller are counted."""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return _address(request._request)


def _address(request: HttpRequest) -> str:
    return f"address:{limited_as(client_address(request))}"


def _usage(request: HttpRequest, who: str, limit: int, period: str) -> Usage:
    def key(group: str, request: HttpRequest) -> str:
        return who

    usage = get_usage(request, group=GROUP, key=key, rate=f"{limit}/{period}", increment=True)
    if usage["limit"] == 0:  # the library's sign that the cache is out of order
        return Usage(limit=limit, count=limit + 1, seconds_left=1)
    # The window ends with the second that `time_left` leads to, not before it.
    return Usage(limit=limit, count=usage["count"], seconds_left=max(1, usage["time_left"] + 1))


def _tightest(usages: Iterable[Usage]) -> Usage | None:
    """The exceeded one that lasts longest, else the one with the fewest calls left."""

    def urgency(usage: Usage) -> tuple[bool, int]:
        return not usage.is_exceeded, -usage.seconds_left if usage.is_exceeded else usage.remaining

    return min(usages, key=urgency, default=None)
