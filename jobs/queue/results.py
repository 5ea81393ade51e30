"""What becomes of wake-ups that a process of the pool takes."""

from typing import Any

import structlog
from django_q.brokers import Broker
from django_q.monitor import save_task
from django_q.signals import pre_execute

log = structlog.get_logger(__name__)

STOP = "STOP"  # django-q2's word to its monitor


class Results:
    """django-q2's queue of results and the monitor that reads it, in one: who takes a wake-up acknowledges it.

    A process of its own would take 8 MB for this, and its queue a thread of every process that forks downloads. Taken
    is as good as done: a wake-up whose process dies would only let a worker look for what it finds by itself.
    """

    pid = 0

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_over = False
        pre_execute.connect(self.acknowledge)

    def acknowledge(self, task: dict[str, Any], **_: object) -> None:
        """Before it is run. Never fails: what is not acknowledged comes again one day, and does no harm."""
        try:
            self._broker.acknowledge(task["ack_id"])
        except Exception:
            log.exception("wake-up not acknowledged", task=task["func"])

    def put(self, task: Any) -> None:
        """Keep a task that failed, for operators to see. STOP ends the monitor."""
        if task == STOP:
            self._is_over = True
        elif not task["success"]:
            log.error("task failed", task=task["func"], result=task["result"])
            save_task(task, self._broker)

    def is_alive(self) -> bool:
        """Part of a process' interface."""
        return not self._is_over

    def empty(self) -> bool:
        """Part of a queue's interface, as are the next three."""
        return True

    def qsize(self) -> int:
        """Nothing waits."""
        return 0

    def close(self) -> None:
        """Nothing is open."""

    def join_thread(self) -> None:
        """There is none."""
