"""Sends what is due: claims messages with leases and sends many at once. What follows from an answer is in `results`.

One process of a worker host does this at a time. Its threads only send; all tables are the main thread's. A message
whose process died is sent again, under the same id, when its lease is over. Messages about one job go to one receiver
one after the other, but one that waits for another attempt lets later ones pass: order is not promised.
"""

import fcntl
import functools
import operator
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.vault import CannotDecrypt
from jobs import leases, queue
from jobs.models import Delivery
from jobs.queue import process
from jobs.states import DeliveryState
from jobs.webhooks import endpoints, results, sending
from jobs.webhooks.outbox import DELIVER
from jobs.webhooks.outcomes import LONGEST_DELAY_SECONDS, Answer

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 32
MOST_AT_ONE_HOST = 4  # so that a slow receiver does not keep the others waiting,
MOST_OF_ONE_OWNER = 8  # nor one whose host has many names
SLICE_SECONDS = 20.0  # then other short work has its turn
POLL_SECONDS = 0.5
DRAIN_SECONDS = 2.0
FIRST_WAIT = timedelta(minutes=1)  # more than clocks of hosts should differ by
LONGEST_WAIT = timedelta(seconds=LONGEST_DELAY_SECONDS) + FIRST_WAIT


def deliver_due() -> None:
    """Send until nothing is due, or the slice is over: then another wake-up goes on.

    Does nothing while another process of this host is at it. Returns with no thread left, except when draining.
    """
    until = time.monotonic() + SLICE_SECONDS
    while (
        not process.is_draining() and due().exists()
    ):  # again after each turn: a wake-up that came near its end found the door closed
        with _turn() as is_ours:
            if not is_ours:
                return
            Sender(until).run()
        if process.is_draining() or time.monotonic() > until:
            queue.run_soon(DELIVER)
            return


def due() -> QuerySet[Delivery]:
    """Messages that should be sent now and that nobody is sending."""
    now = timezone.now()
    is_free = Q(lease_expires_at__isnull=True) | leases.has_lapsed()
    # Where one seems to wait longer than any does, the clock was set back: a first attempt waits for nothing.
    is_misdated = Q(due_at__gt=now + LONGEST_WAIT) | Q(due_at__gt=now + FIRST_WAIT, attempts=0)
    is_due = Q(due_at__lte=now) | is_misdated
    return Delivery.objects.filter(is_free, is_due, state=DeliveryState.PENDING)


class Sender:
    """The messages that this process has under way."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._lease = f"{process.name()}:{uuid.uuid4().hex[:12]}"
        self._renew_at = 0.0
        self._active: dict[int, tuple[Delivery, threading.Thread]] = {}
        self._answers: SimpleQueue[tuple[int, Answer]] = SimpleQueue()

    def run(self) -> None:
        """Send what is due until nothing is, or until it is time to stop; then what is under way comes to its end.

        When the worker drains, that is left alone after two seconds: the process ends with its threads, and the
        messages' leases run out.
        """
        left_at = float("inf")
        try:
            while True:
                if process.is_draining():
                    left_at = min(left_at, time.monotonic() + DRAIN_SECONDS)
                elif time.monotonic() < self._until:
                    self._start_due()
                if not self._active or time.monotonic() > left_at:
                    return
                self._renew()
                self._collect()
        finally:
            if not process.is_draining():
                for _, thread in self._active.values():
                    thread.join()

    def _start_due(self) -> None:
        while len(self._active) < MOST_AT_ONCE and (delivery := self._next()) is not None:
            claimed = due().filter(pk=delivery.pk)
            if claimed.update(lease_owner=self._lease, lease_expires_at=leases.end_of(settings.LEASE_SECONDS)):
                self._start(delivery)
        process.show_life()

    def _next(self) -> Delivery | None:
        """The message that waits longest of those whose receiver and owner have room, and whose turn it is."""
        active = [delivery for delivery, _ in self._active.values()]
        hosts, owners = Counter(d.host for d in active), Counter(d.owner_id for d in active)
        waiting = (
            due()
            .exclude(host__in=[host for host, sent in hosts.items() if sent >= MOST_AT_ONE_HOST])
            .exclude(owner__in=[owner for owner, sent in owners.items() if sent >= MOST_OF_ONE_OWNER])
        )
        if busy := [Q(job=delivery.job_id, url=delivery.url) for delivery in active if delivery.job_id]:
            waiting = waiting.exclude(functools.reduce(operator.or_, busy))
        return waiting.select_related("endpoint", "owner").order_by("due_at", "id").first()

    def _start(self, delivery: Delivery) -> None:
        if delivery.endpoint is not None and not delivery.endpoint.is_active:
            results.record(delivery, Answer(error="The endpoint is turned off.", is_hopeless=True), self._lease)
            return
        try:
            secret = endpoints.secret_of(delivery)
        except CannotDecrypt:
            log.exception("webhook not signed", delivery=delivery.public_id)
            results.record(delivery, Answer(error="The signing secret cannot be read here."), self._lease)
            return
        message = sending.Message(delivery.url, sending.body_of(delivery.payload), delivery.public_id, secret)
        thread = threading.Thread(target=self._send, args=(delivery.pk, message), name="webhook", daemon=True)
        self._active[delivery.pk] = delivery, thread
        thread.start()

    def _send(self, key: int, message: sending.Message) -> None:
        """In a thread of its own. Whatever happens, there is an answer to wait for."""
        try:
            answer = sending.send(message, timeout_seconds=settings.WEBHOOK_TIMEOUT)
        except Exception:
            log.exception("webhook broke", delivery=message.message_id)
            answer = Answer(error="Something broke here; the operator finds it by the delivery's id.")
        self._answers.put((key, answer))

    def _collect(self) -> None:
        """Record the answers that are there; wait a moment for the first."""
        timeout = POLL_SECONDS
        while self._active:
            try:
                key, answer = self._answers.get(timeout=timeout)
            except Empty:
                return
            delivery, thread = self._active.pop(key)
            thread.join()
            results.record(delivery, answer, self._lease)
            timeout = 0.0

    def _renew(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        self._renew_at = time.monotonic() + settings.LEASE_SECONDS / 3
        process.show_life()
        mine = Delivery.objects.filter(pk__in=list(self._active), lease_owner=self._lease)
        mine.update(lease_expires_at=leases.end_of(settings.LEASE_SECONDS))


@contextmanager
def _turn() -> Iterator[bool]:
    """Whether this process is the one of its host that sends, for as long as the block lasts."""
    path = Path(settings.WORK_DIR) / "deliver.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
