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
from collections.abc import Callable
from typing import NoReturn

import structlog
from django.conf import settings
from django.db import connections
from django.utils import timezone
from django_q.cluster import Cluster

from jobs.models import Worker
from jobs.queue import process, wakeups

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
BEAT_SECONDS = 5.0
HANG_SECONDS = 60.0
PR_SET_PDEATHSIG = 1


class QuietCluster(Cluster):  # type: ignore[misc]
    """A cluster whose signal handler only sets a flag."""

    def sig_handler(self, signum: int, frame: object) -> None:
        process.start_draining()


def run(*, prepare: Callable[[], None], tick: Callable[[], None]) -> NoReturn:
    """Serve wake-ups until SIGTERM or SIGINT, then end with exit code 0 within SHUTDOWN_GRACE_SECONDS.

    `prepare` runs once, before the first fork: what it loads is shared by all processes. `tick` is called once a second
    and may use the database. A cluster that dies or hangs is replaced by starting this program anew, under the same
    process id.
    """
    prepare()
    process.show_life()
    _bind_processes()
    connections.close_all()  # a connection must not be shared with the processes forked next
    gc.collect()
    gc.freeze()  # keeps what is loaded so far in memory pages that all processes share
    cluster = QuietCluster()
    cluster.start()
    log.info("worker ready", worker=process.name(), slots=settings.MAX_CONCURRENT_DOWNLOADS)
    trouble = _serve(cluster, tick)
    _force_exit_later()
    if trouble:
        log.error("worker restarts", worker=process.name(), trouble=trouble)
        _kill(cluster)
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
    cluster.stop()
    Worker.objects.filter(name=process.name()).delete()
    log.info("worker stopped", worker=process.name())
    os._exit(0)


def _serve(cluster: QuietCluster, tick: Callable[[], None]) -> str:
    """Tick, beat and watch until told to stop. Returns what went wrong; empty after a stop signal."""
    next_second = next_beat = 0.0
    pool = PoolWatch()
    while not process.is_draining():
        time.sleep(POLL_SECONDS)
        if not cluster.sentinel.is_alive():
            return "its sentinel died"
        now = time.monotonic()
        if now < next_second:
            continue
        next_second = now + 1
        try:
            tick()
            if pool.hangs(now, waiting=wakeups.waiting()):
                return "its processes take no work"
            if now >= next_beat:
                next_beat = now + BEAT_SECONDS
                _beat()
        except Exception:
            # The database or the broker is out of reach: the processes go on, and so must this one.
            log.exception("tick failed", worker=process.name())
            connections.close_all()
            pool = PoolWatch()
    return ""


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


def _beat() -> None:
    Worker.objects.update_or_create(
        name=process.name(),
        defaults={"seen_at": timezone.now(), "host": process.HOST, "slots": settings.MAX_CONCURRENT_DOWNLOADS},
    )


def _bind_processes() -> None:
    """Every process forked from here on ends when the one that forked it dies; with END_WITH_PARENT, so does this one.

    The first one forked leads its own process group: a signal to this program's group (a supervisor's SIGTERM, Ctrl-C)
    then reaches this process alone, which ends the others gently.
    """
    main = os.getpid()
    if settings.END_WITH_PARENT:
        _end_with_parent()

    def in_child() -> None:
        _end_with_parent()
        if os.getppid() == main:
            os.setpgid(0, 0)

    os.register_at_fork(after_in_child=in_child)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _force_exit_later() -> None:
    """A second way out, should the orderly one hang. Children die with this process."""

    def leave() -> None:
        time.sleep(settings.SHUTDOWN_GRACE_SECONDS)
        os.write(2, b"worker: forced exit, the grace period is over\n")
        os._exit(2)

    threading.Thread(target=leave, daemon=True).start()


def _kill(cluster: QuietCluster) -> None:
    if cluster.sentinel.is_alive():
        cluster.sentinel.kill()
        cluster.sentinel.join()
