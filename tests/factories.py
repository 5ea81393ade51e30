"""Rows for tests, with sensible values for everything that a test does not care about."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, User
from accounts.vault import Sealed
from jobs.engine.contract import FileRole, Options
from jobs.models import Batch, Delivery, Extraction, Job, MediaFile, WebhookEndpoint
from jobs.states import Event, ExtractionKind, State
from jobs.webhooks.outbox import host_of
from jobs.webhooks.signing import new_secret

_numbers = count(1)


def make_user(**fields: Any) -> User:
    return User.objects.create_user(**{"username": f"user{next(_numbers)}", "password": "a long password", **fields})


def make_key(owner: User, **fields: Any) -> tuple[ApiKey, str]:
    issued = keys.issue(owner, "a test", **fields)
    return issued.key, issued.secret


def make_job(owner: User | None = None, state: State = State.QUEUED, **fields: Any) -> Job:
    """A job in any state, as if it had lived through the states before."""
    now = timezone.now()
    implied: dict[str, Any] = {
        "options": Options().to_json(),
        "url": "http://media.example/video.mp4",
        "host": "media.example",
    }
    if state == State.RUNNING:
        implied |= {
            "lease_owner": "worker:1",
            "worker_host": "worker",
            "lease_expires_at": now + timedelta(seconds=15),
            "started_at": now,
            "attempts": 1,
        }
    if state in (State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED):
        implied |= {"started_at": now, "completed_at": now}
    return Job.objects.create(owner=owner or make_user(), state=state, **{**implied, **fields})


def make_batch(owner: User | None = None, **fields: Any) -> Batch:
    return Batch.objects.create(owner=owner or make_user(), **{"options": Options().to_json(), **fields})


def make_extraction(owner: User | None = None, **fields: Any) -> Extraction:
    """A question that waits; with `state` and an `answer`, one that was answered."""
    implied = {"kind": ExtractionKind.VIDEO, "url": "http://media.example/page", "question": f"q{next(_numbers)}"}
    return Extraction.objects.create(owner=owner or make_user(), **{**implied, **fields})


def make_file(job: Job, **fields: Any) -> MediaFile:
    """The row of a result file; no bytes are stored."""
    implied = {
        "role": FileRole.MEDIA,
        "path": f"videos/file{next(_numbers)}.mp4",
        "size_bytes": 1000,
        "sha256": "0" * 64,
        "mime_type": "video/mp4",
    }
    return MediaFile.objects.create(job=job, **{**implied, **fields})


def make_endpoint(owner: User, url: str = "https://hooks.example/in", **fields: Any) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(owner=owner, url=url, **{"secret": Sealed.of(new_secret()), **fields})


def make_delivery(owner: User, url: str = "https://hooks.example/in", **fields: Any) -> Delivery:
    """A message that is due."""
    payload = {"event": "download.started", "timestamp": "2026-11-22T12:00:00.000000Z", "request_id": "", "data": {}}
    implied = {"host": host_of(url), "event": Event.STARTED, "payload": payload}
    return Delivery.objects.create(owner=owner, url=url, **{**implied, **fields})
