"""What became of messages: attempts, retries, ends, and for how long they are remembered. Sends nothing."""

import random
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs import tallies
from jobs.models import Delivery, DeliveryAttempt, Job, WebhookEndpoint
from jobs.states import TERMINAL, DeliveryState, Event
from jobs.webhooks import outcomes
from jobs.webhooks.outcomes import Answer, Verdict

log = structlog.get_logger(__name__)

PROGRESS_KEPT = timedelta(hours=1)
CLEARED_AT_ONCE = 500
LAST_EVENTS = frozenset({Event.COMPLETED, Event.FAILED, Event.CANCELLED})


def record(delivery: Delivery, answer: Answer, lease: str) -> None:
    """Store an attempt and what follows from it. Nothing when the lease was lost: somebody else sends it then."""
    verdict = outcomes.verdict(answer)
    changes = _after(delivery, answer, verdict)
    now = timezone.now()
    with transaction.atomic():
        if delivery.endpoint_id:
            WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=delivery.endpoint_id).first()
        mine = Delivery.objects.filter(pk=delivery.pk, lease_owner=lease, state=DeliveryState.PENDING)
        if not mine.update(attempts=delivery.attempts + 1, lease_owner="", lease_expires_at=None, **changes):
            return
        DeliveryAttempt.objects.create(
            delivery=delivery,
            at=now,
            status=answer.status,
            latency_ms=answer.latency_ms,
            excerpt=answer.excerpt,
            error=answer.error,
        )
        tallies.webhook_tried(changes.get("state"), answer.latency_ms)
        _tell_endpoint(delivery, answer, verdict)
        if verdict is Verdict.DELIVERED and delivery.job_id and delivery.event in LAST_EVENTS:
            # Not of an earlier life: a retry takes the job back from its end.
            ended = Job.objects.filter(pk=delivery.job_id, state__in=TERMINAL, completed_at__lte=delivery.created_at)
            ended.update(webhook_sent=True)
    log.info(
        "webhook tried",
        delivery=delivery.public_id,
        event_name=delivery.event,
        host=delivery.host,
        status=answer.status,
        latency_ms=answer.latency_ms,
        verdict=verdict.value,
    )


def clear_old() -> int:
    """Delete messages that are done with and older than WEBHOOK_LOG_DAYS; progress, after an hour. Returns how many."""
    now = timezone.now()
    is_old = Q(created_at__lt=now - timedelta(days=settings.WEBHOOK_LOG_DAYS))
    is_old |= Q(created_at__lt=now - PROGRESS_KEPT, event=Event.PROGRESS)
    old = Delivery.objects.filter(is_old).exclude(state=DeliveryState.PENDING).order_by("created_at")
    cleared = 0
    while some := list(old.values_list("pk", flat=True)[:CLEARED_AT_ONCE]):
        Delivery.objects.filter(pk__in=some).delete()
        cleared += len(some)
    return cleared


def _after(delivery: Delivery, answer: Answer, verdict: Verdict) -> dict[str, Any]:
    """The columns of the message that follow from an attempt."""
    attempts = delivery.attempts + 1
    most = 1 if delivery.event == Event.PROGRESS else settings.WEBHOOK_RETRY_ATTEMPTS
    if verdict is Verdict.RETRY and attempts < most:
        wait = outcomes.delay_seconds(
            attempts,
            base=settings.WEBHOOK_RETRY_DELAY,
            jitter=random.random(),  # noqa: S311  (spreads attempts, hides nothing)
            retry_after=answer.retry_after_seconds,
        )
        return {"due_at": timezone.now() + timedelta(seconds=wait)}
    state = DeliveryState.DELIVERED if verdict is Verdict.DELIVERED else DeliveryState.FAILED
    return {"state": state, "completed_at": timezone.now()}


def _tell_endpoint(delivery: Delivery, answer: Answer, verdict: Verdict) -> None:
    told: dict[str, Any] = {
        "last_attempt_at": timezone.now(),
        "last_status": answer.status,
        "last_error": answer.error,
    }
    if verdict is Verdict.GONE:
        told |= {"is_active": False, "disabled_reason": "The receiver answered 410 Gone."}
    if delivery.endpoint_id:
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, is_active=True).update(**told)
