"""Hands wake-ups from the broker to the processes of the pool."""

import threading
import time
from typing import Any

import structlog
from django_q.brokers import Broker
from django_q.conf import Conf
from django_q.queues import Queue
from django_q.signing import BadSignature, SignedPackage

log = structlog.get_logger(__name__)

FULL_SECONDS = 0.02  # between two looks at a pool that has had no room for a while
BRIEF_SECONDS = 0.001  # and at first: it takes a process so long to take what it was given


class Pusher:
    """django-q2's pusher as a part of the main process' rounds: a process of its own would take 8 MB.

    It takes no wake-up that no process has room for, so what waits stays to be seen, and to be taken by other hosts.
    """

    pid = 0

    def __init__(self, broker: Broker, tasks: Queue, is_over: threading.Event) -> None:
        self._broker = broker
        self._tasks = tasks
        self._is_over = is_over
        self._pause = BRIEF_SECONDS

    def has_room(self) -> bool:
        """Whether a process may take another wake-up; waits a moment if none does."""
        if not self._tasks.full():
            self._pause = BRIEF_SECONDS
            return True
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, FULL_SECONDS)
        return False

    def take(self) -> list[dict[str, Any]]:
        """The next wake-up, if there is one within a moment. Raises what the broker raises."""
        found = []
        for ack_id, package in self._broker.dequeue() or ():
            try:
                found.append({**SignedPackage.loads(package), "ack_id": ack_id, "cluster": Conf.CLUSTER_NAME})
            except (TypeError, BadSignature):  # as after a change of SECRET_KEY
                log.exception("wake-up cannot be read")
                self._broker.fail(ack_id)
        return found

    def push(self, wakeup: dict[str, Any]) -> None:
        """Let a process run it."""
        self._tasks.put(wakeup)

    def is_alive(self) -> bool:
        """Part of a process' interface."""
        return not self._is_over.is_set()
