"""Runs django-q2's cluster so that it always ends and never hangs unseen.

Why not `manage.py qcluster`: its signal handler can deadlock (django-q2 #346), an idle worker that is killed can leave
the queue locked for good (#23), and processes outlive a killed parent.
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import NoReturn

import structlog
from django.conf import settings
from django.db import connections
from django.utils import timezone
from django_q import worker
from django_q.cluster import Sentinel

from jobs.models import Worker
from jobs.queue import process, wakeups
from jobs.queue.pushing import Pusher
from jobs.queue.results import Results

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2  # while the broker does not answer
BEAT_SECONDS = 5.0
HANG_SECONDS = 20.0  # with the new start that follows, a job lacks a living lease for less than 30 s
PROBES = 2  # wake-ups: one fits into the queue, and one stays to be seen
PR_SET_PDEATHSIG = 1

_prctl = ctypes.CDLL(None).prctl  # looked up once: every process that does it writes to, and so copies, 0.2 MB


def run(*, prepare: Callable[[], None], tick: Callable[[], None], tools: Callable[[], dict[str, str]]) -> NoReturn:
    """Serve wake-ups until SIGTERM or SIGINT, then end with exit code 0 within SHUTDOWN_GRACE_SECONDS.

    `prepare` runs once, before the first fork: what it loads is shared by all processes. `tick` is called once a second
    and may use the database; what `tools` gives goes with each sign of life. A pool that dies or hangs is replaced by
    starting this program anew, under the same process id.
    """
    prepare()
    process.show_life()
    _bind_processes()
    sys.stdin = None  # multiprocessing would open one in each process, which takes 0.9 MB
    worker._ = str  # each process would translate lines of a log that is off, which takes 0.2 MB
    connections.close_all()  # a connection must not be shared with the processes forked next
    gc.collect()
    gc.freeze()  # keeps what is loaded so far in memory pages that all processes share
    rounds = Rounds(tick, tools)
    guard = Guard(rounds)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.start_draining())
    threading.Thread(target=_watch, args=(rounds, guard), daemon=True).start()
    log.info("worker ready", worker=process.name(), slots=settings.MAX_CONCURRENT_DOWNLOADS)
    try:
        guard.start()
    except PoolLost as error:
        _start_anew(guard, str(error))
    Worker.objects.filter(name=process.name()).delete()
    log.info("worker stopped", worker=process.name())
    os._exit(0)


class PoolLost(Exception):
    """The pool of processes is of no use any more. The message says why."""


class Guard(Sentinel):  # type: ignore[misc]
    """django-q2's sentinel, which replaces single processes, in this process: one of its own would take 9 MB."""

    def __init__(self, stop: "Rounds") -> None:
        super().__init__(stop, threading.Event(), uuid.uuid4(), start=False)
        self.result_queue = Results(self.broker)
        self.event_out = threading.Event()
        self.pushing = stop.pusher = Pusher(self.broker, self.task_queue, self.event_out)

    def spawn_monitor(self) -> Results:
        """What stands in for the monitor."""
        return self.result_queue

    def spawn_pusher(self) -> Pusher:
        """What stands in for the pusher."""
        return self.pushing

    def reincarnate(self, dead: BaseProcess) -> None:
        """Raises PoolLost where all are dead.

        Who died waiting for work may have left the queue locked, and then wake-ups pile up, as `PoolWatch` sees.
        """
        if not any(one.is_alive() for one in self.pool):
            raise PoolLost("all its processes died")
        super().reincarnate(dead)
        for _ in range(PROBES):
            wakeups.wake()


class Rounds:
    """What happens between two looks at the pool. For the sentinel it is the event that tells it to stop."""

    def __init__(self, tick: Callable[[], None], tools: Callable[[], dict[str, str]]) -> None:
        self.looking_since: float | None = None
        self._tick = tick
        self._tools = tools
        self._next_second = self._next_beat = 0.0
        self._pool = PoolWatch()
        self.pusher: Pusher  # as soon as there is a pool

    def is_set(self) -> bool:
        """Whether the pool is to stop."""
        return process.is_draining()

    def wait(self, seconds: float) -> bool:
        """Push, tick, beat and watch for so long; sooner, and True, when told to stop. Raises PoolLost."""
        self.looking_since = None
        until = time.monotonic() + seconds
        while not process.is_draining():
            now = time.monotonic()
            if now >= self._next_second:
                self._next_second = now + 1
                self._second(now)
            if now >= until:
                self.looking_since = now
                return False
            self._push()
        _force_exit_later()
        return True

    def _push(self) -> None:
        """Takes a moment, whether there is a wake-up or not."""
        try:
            found = self.pusher.take() if self.pusher.has_room() else []
        except Exception:
            # The broker is out of reach: the chores find what there is to do.
            log.exception("no wake-ups", worker=process.name())
            connections.close_all()
            time.sleep(POLL_SECONDS)
            return
        for wakeup in found:
            self.looking_since = time.monotonic()  # who is killed at the wrong moment leaves the queue locked for good
            self.pusher.push(wakeup)
            self.looking_since = None

    def _second(self, now: float) -> None:
        try:
            self._tick()
            hangs = self._pool.hangs(now, waiting=wakeups.waiting())
            if now >= self._next_beat:
                self._next_beat = now + BEAT_SECONDS
                _beat(self._tools())
        except Exception:
            # The database or the broker is out of reach: the processes go on, and so must this one.
            log.exception("tick failed", worker=process.name())
            connections.close_all()
            self._pool = PoolWatch()
            return
        if hangs:
            raise PoolLost("its processes take no work")


class PoolWatch:
    """Tells a pool that hangs from one that has nothing to do: wake-ups wait, and nobody works, for HANG_SECONDS."""

    def __init__(self) -> None:
        self._idle_since: float | None = None

    def hangs(self, now: float, *, waiting: int) -> bool:
        """To be called again and again, with the monotonic time and the number of waiting wake-ups."""
        if not waiting or process.seconds_since_life() < BEAT_SECONDS:
            self._idle_since = None
            return False
        if self._idle_since is None:
            self._idle_since = now
        return now - self._idle_since > HANG_SECONDS


def _beat(tools: dict[str, str]) -> None:
    Worker.objects.update_or_create(
        name=process.name(),
        defaults={
            "seen_at": timezone.now(),
            "host": process.HOST,
            "slots": settings.MAX_CONCURRENT_DOWNLOADS,
            "tools": tools,
        },
    )


def _bind_processes() -> None:
    """Every process forked from here on ends when the one that forked it dies; with END_WITH_PARENT, so does this one.

    Those forked by this one lead process groups of their own: a signal to this program's group (a supervisor's SIGTERM,
    Ctrl-C) then reaches this process alone, which ends the others gently.
    """
    main = os.getpid()
    if settings.END_WITH_PARENT:
        _end_with_parent()

    def in_child() -> None:
        _end_with_parent()
        if os.getppid() == main:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.setpgid(0, 0)

    os.register_at_fork(after_in_child=in_child)


def _end_with_parent() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _force_exit_later() -> None:
    """A second way out, should the orderly one hang. Children die with this process."""

    def leave() -> None:
        time.sleep(settings.SHUTDOWN_GRACE_SECONDS)
        os.write(2, b"worker: forced exit, the grace period is over\n")
        os._exit(2)

    threading.Thread(target=leave, daemon=True).start()


def _watch(rounds: Rounds, guard: Guard) -> None:
    """Start anew when the guard hangs: a process that is killed at the wrong moment leaves it a lock for good."""
    while True:
        time.sleep(BEAT_SECONDS)
        since = rounds.looking_since
        if since is not None and time.monotonic() - since > HANG_SECONDS:
            _start_anew(guard, "its guard hangs")


def _start_anew(guard: Guard, trouble: str) -> NoReturn:
    log.error("worker restarts", worker=process.name(), trouble=trouble)
    for one in guard.pool:
        one.kill()
        one.join()
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
