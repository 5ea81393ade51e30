"""How long to wait after wrong sign-ins, by address and by name. Counts only; who is right, the sign-in form knows.

Every attempt is counted as a wrong one before it is looked at, and forgiven when it turns out right: so however many
arrive at the same moment, no more of them are looked at than the windows let through.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest

from accounts.addresses import client_address, limited_as

SHORTEST_WINDOW_SECONDS = 60
WINDOW_GROWTH = 10
COUNT_GROWTH = 2


@dataclass(frozen=True)
class Attempt:
    """A sign-in that was counted. With `wait_seconds` it must not be looked at, and does not count."""

    wait_seconds: int
    counters: tuple[str, ...] = ()

    def forgive(self) -> None:
        """It was right: do not count it."""
        for counter in self.counters:
            _change(counter, -1)


def begin(request: HttpRequest, name: str) -> Attempt:
    """Count a sign-in from this address with this name."""
    wait_seconds, counters = 0, []
    for counter, limit, seconds_left in _windows_of(request, name):
        caches["default"].add(counter, 0, settings.SIGN_IN_LONGEST_WAIT + SHORTEST_WINDOW_SECONDS)
        count = _change(counter, 1)
        if count is None:  # the cache is out of order: then nobody may guess
            wait_seconds = max(wait_seconds, 1)
            continue
        counters.append(counter)
        if count > limit:
            wait_seconds = max(wait_seconds, seconds_left)
    attempt = Attempt(wait_seconds, tuple(counters))
    if wait_seconds:
        attempt.forgive()
    return attempt


def windows() -> Iterator[tuple[int, int]]:
    """Wrong sign-ins that each window lets through, and its seconds: twice as many in ten times the time, and so on."""
    count, seconds = settings.SIGN_IN_ATTEMPTS, SHORTEST_WINDOW_SECONDS
    while count and seconds < settings.SIGN_IN_LONGEST_WAIT:
        yield count, seconds
        count, seconds = count * COUNT_GROWTH, seconds * WINDOW_GROWTH
    if count:
        yield count, settings.SIGN_IN_LONGEST_WAIT


def _windows_of(request: HttpRequest, name: str) -> Iterator[tuple[str, int, int]]:
    """The counter of each window that is open now, what it lets through, and the seconds until it closes."""
    now = int(time.time())
    for who in (f"address:{limited_as(client_address(request))}", f"name:{name.casefold()}"):
        digest = hashlib.sha256(who.encode()).hexdigest()
        for limit, seconds in windows():
            begun = now % seconds
            yield f"sign-in:{digest}:{limit}:{seconds}:{now - begun}", limit, seconds - begun


def _change(counter: str, by: int) -> int | None:
    try:
        return caches["default"].incr(counter, by)
    except ValueError:  # it is not there
        return None
