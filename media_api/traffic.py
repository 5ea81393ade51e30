"""How many requests this host's web processes served in the last minute. Counts; what is done with it is others' work.

The counts live in memory that the processes share because they are forked from one that imported this module.
"""

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.http import HttpRequest, HttpResponse

SECONDS = 60
SLOT = struct.Struct("II")  # a second of the monotonic clock, and the requests in it


class Traffic:
    """Requests by second, one slot for each of the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._descriptor = os.memfd_create("traffic")
        os.ftruncate(self._descriptor, SECONDS * SLOT.size)
        self._slots = mmap.mmap(self._descriptor, SECONDS * SLOT.size)
        self._threads = threading.Lock()

    def count(self) -> None:
        """Note one request, now."""
        second = int(self._clock())
        offset = second % SECONDS * SLOT.size
        with self._alone():
            noted, requests = SLOT.unpack_from(self._slots, offset)
            SLOT.pack_into(self._slots, offset, second, requests + 1 if noted == second else 1)

    def last_minute(self) -> int:
        """Requests within the last 60 seconds."""
        oldest = int(self._clock()) - SECONDS
        return sum(requests for second, requests in SLOT.iter_unpack(self._slots[:]) if second > oldest)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A lock among threads, and one among processes that the kernel frees when its holder dies."""
        with self._threads:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


traffic = Traffic()


class TrafficMiddleware:
    """Counts every request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        traffic.count()
        return self.get_response(request)
