"""Writes messages to receivers, in the transaction of the change they tell of. Sending them is `delivery`'s part.

Receivers are the address that the request named (`webhook_url`, the batch's for its jobs), and the owner's endpoints
that want the event. Without any, nothing is written and no link is signed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from jobs import file_links, queries, queue
from jobs.engine.contract import FailureCode
from jobs.models import Batch, Delivery, Job, WebhookEndpoint
from jobs.states import DeliveryState, Event, State

DELIVER = "jobs.tasks.deliver"
EVENTS = {
    State.RUNNING: Event.STARTED,
    State.COMPLETED: Event.COMPLETED,
    State.FAILED: Event.FAILED,
    State.CANCELLED: Event.CANCELLED,
}
UNASKED = frozenset(Event) - {Event.PROGRESS}  # what an endpoint gets that names no events
ERROR_TYPES: Mapping[str, str] = {  # in the older product's words; every other code is a download_error
    FailureCode.TIMEOUT: "timeout",
    FailureCode.STALLED: "timeout",
    FailureCode.INTERNAL: "unexpected_error",
}

Data = dict[str, Any]


def jobs_moved(jobs: Sequence[Job], target: State) -> None:
    """Tell of jobs of one owner that have just moved to `target`; their rows may still show where they were.

    Of completed jobs, the files must be stored already.
    """
    event = EVENTS.get(target)
    if event is None or not jobs:
        return
    endpoints = _subscribed(jobs[0].owner_id, event)
    prefetch_related_objects(jobs, "batch")
    messages = [message for job in jobs for message in _of_job(job, event, endpoints, partial(_moved, job, target))]
    if messages and event is not Event.STARTED:
        _drop_progress([message.job_id for message in messages])
    _write(messages)


def wants_progress(job: Job) -> bool:
    """Whether anybody listens to the job's progress: to be asked once an attempt, so that the others pay nothing."""
    return bool(_address(job) or _subscribed(job.owner_id, Event.PROGRESS))


def job_progressed(job: Job, columns: Mapping[str, Any]) -> None:
    """Tell how far a running job is, in columns of its row. What was not sent of its earlier progress is dropped."""
    with transaction.atomic():
        endpoints = _subscribed(job.owner_id, Event.PROGRESS)
        _drop_progress([job.pk])
        _write(_of_job(job, Event.PROGRESS, endpoints, partial(_progressed, job, columns)))


def batch_ended(batch: Batch, counts: Mapping[str, int]) -> None:
    """Tell of a batch whose last job is over. `counts` are its jobs by state."""
    endpoints = _subscribed(batch.owner_id, Event.BATCH_COMPLETED)
    _write(_messages(Event.BATCH_COMPLETED, batch, batch.webhook_url, endpoints, partial(_ended, batch, counts)))


def _of_job(job: Job, event: Event, endpoints: list[WebhookEndpoint], data: Callable[[], Data]) -> list[Delivery]:
    return _messages(event, job, _address(job), endpoints, data)


def _messages(
    event: Event, subject: Job | Batch, address: str, endpoints: list[WebhookEndpoint], data: Callable[[], Data]
) -> list[Delivery]:
    """A message, not stored yet, for every receiver."""
    if not address and not endpoints:
        return []
    payload = envelope(event, subject.public_id, data())
    of = {"job": subject} if isinstance(subject, Job) else {"batch": subject}
    receivers = [*([(None, address)] if address else []), *((endpoint, endpoint.url) for endpoint in endpoints)]
    return [
        Delivery(
            owner_id=subject.owner_id,
            endpoint=endpoint,
            url=url,
            host=host_of(url),
            event=event,
            payload=payload,
            **of,
        )
        for endpoint, url in receivers
    ]


def envelope(event: str, request_id: str, data: Data) -> Data:
    """A message's body. `request_id` is the job's or the batch's id."""
    return {"event": event, "timestamp": stamp(), "request_id": request_id, "data": data}


def stamp(moment: datetime | None = None) -> str:
    """A time, or now, as the API writes it."""
    return (moment or timezone.now()).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def host_of(url: str) -> str:
    """The host of an address that was accepted."""
    return (urlsplit(url).hostname or "")[:253]


def _write(messages: list[Delivery]) -> None:
    if messages:
        Delivery.objects.bulk_create(messages)
        transaction.on_commit(lambda: queue.run_soon(DELIVER))


def _drop_progress(jobs: Sequence[int | None]) -> None:
    """Forget progress that nobody has begun to send: there is news."""
    unsent = Delivery.objects.filter(job__in=set(jobs), event=Event.PROGRESS, state=DeliveryState.PENDING)
    unsent.filter(lease_owner="", attempts=0).delete()


def _address(job: Job) -> str:
    return job.webhook_url or (job.batch.webhook_url if job.batch else "")


def _subscribed(owner_id: int, event: Event) -> list[WebhookEndpoint]:
    """The owner's active endpoints that want the event. They are few; what they want is not asked of the database."""
    active = WebhookEndpoint.objects.filter(owner=owner_id, is_active=True).defer("secret")
    return [endpoint for endpoint in active if event in (endpoint.events or UNASKED)]


def _moved(job: Job, target: State) -> Data:
    data = _told(job, target)
    if target is State.COMPLETED:
        return data | _result(job)
    if target is State.FAILED:
        return data | {
            "error": job.error,
            "error_type": ERROR_TYPES.get(job.error_code, "download_error"),
            "error_code": job.error_code,
        }
    return data


def _told(job: Job, state: State) -> Data:
    """What every message about a job says."""
    return {
        "request_id": job.public_id,
        "url": job.url,
        "status": state.value,
        "timestamp": stamp(),
        "batch_id": job.batch.public_id if job.batch else None,
    }


def _progressed(job: Job, columns: Mapping[str, Any]) -> Data:
    progress = {
        "percent": columns.get("percent") or 0.0,
        "downloaded_bytes": columns.get("downloaded_bytes"),
        "total_bytes": columns.get("total_bytes"),
        "speed": columns.get("speed_bps"),
        "eta": columns.get("eta_seconds"),
    }
    return _told(job, State.RUNNING) | {"progress": progress}


def _result(job: Job) -> Data:
    """The main result. `duration` is its length in seconds."""
    main = queries.main_file(job)
    if main is None:
        return {"title": job.title, "file_url": None, "file_path": None, "file_size": None, "duration": None}
    return {
        "title": job.title,
        "file_url": f"{file_links.origin_for(job)}{file_links.path_of(main)}",
        "file_path": main.path,
        "file_size": main.size_bytes,
        "duration": main.duration_seconds,
    }


def _ended(batch: Batch, counts: Mapping[str, int]) -> Data:
    succeeded = counts.get(State.COMPLETED, 0) + counts.get(State.EXPIRED, 0)
    return {
        "request_id": batch.public_id,
        "batch_id": batch.public_id,
        "url": batch.url or None,
        "title": batch.title,
        "status": batch.state,
        "total_jobs": sum(counts.values()),
        "completed_jobs": succeeded,
        "failed_jobs": counts.get(State.FAILED, 0),
        "cancelled_jobs": counts.get(State.CANCELLED, 0),
        "error": batch.error or None,
        "timestamp": stamp(),
    }
