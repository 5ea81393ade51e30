"""Figures that take a while to count, kept for a moment for all processes. For what nobody waits for to the second."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

T = TypeVar("T")
SHARE = 20  # counting takes one part in so many of the time, however many rows there are
LONGEST_SECONDS = 600.0


def remembered(name: str, count: Callable[[], T], *, seconds: float = 5.0) -> T:
    """What `count` gives, or gave any process within the last `seconds`, or longer ago if it takes long.

    Never None, which is counted again. Processes that ask at the same moment may count at the same time.
    """
    key = f"figures:{name}"
    found: T | None = cache.get(key)
    if found is not None:
        return found
    started = time.monotonic()
    found = count()
    took = time.monotonic() - started
    cache.set(key, found, min(max(seconds, SHARE * took), LONGEST_SECONDS))
    return found
