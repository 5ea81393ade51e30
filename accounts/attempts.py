"""How long to wait after wrong sign-ins, by address and by name. Counts only; who is right, the sign-in form knows.

The counting is django-ratelimit's. Sign-ins that arrive in the same moment are all checked before one of them is
counted: as many as there are web threads may get through at once; they all count, so a longer wait follows.
"""

from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.addresses import client_address, limited_as

GROUP = "sign-in"
SHORTEST_WINDOW_SECONDS = 60
WINDOW_GROWTH = 10
COUNT_GROWTH = 2


def seconds_to_wait(request: HttpRequest, name: str) -> int:
    """Until the next sign-in from this address with this name is looked at; 0 for now."""
    return max(_uses(request, name, is_failure=False), default=0)


def count_failure(request: HttpRequest, name: str) -> None:
    """Note a wrong sign-in."""
    list(_uses(request, name, is_failure=True))


def windows() -> Iterator[tuple[int, int]]:
    """Wrong sign-ins that each window lets through, and its seconds: twice as many in ten times the time, and so on."""
    count, seconds = settings.SIGN_IN_ATTEMPTS, SHORTEST_WINDOW_SECONDS
    while count and seconds < settings.SIGN_IN_LONGEST_WAIT:
        yield count, seconds
        count, seconds = count * COUNT_GROWTH, seconds * WINDOW_GROWTH
    if count:
        yield count, settings.SIGN_IN_LONGEST_WAIT


def _uses(request: HttpRequest, name: str, *, is_failure: bool) -> Iterator[int]:
    """The wait that each window asks for."""
    for who in (f"address:{limited_as(client_address(request))}", f"name:{name.casefold()}"):
        for window in windows():
            usage = get_usage(request, group=GROUP, key=_constant(who), rate=window, increment=is_failure)
            # A limit of 0 is the library's sign that the cache is out of order: then nobody may guess.
            yield max(1, usage["time_left"] + 1) if usage["count"] >= usage["limit"] else 0


def _constant(who: str) -> Callable[[str, HttpRequest], str]:
    return lambda group, request: who
