"""Rows for tests, with sensible values for everything that a test does not care about."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, User
from jobs.engine.contract import FileRole, Options
from jobs.models import Job, MediaFile
from jobs.states import State

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
            "lease_expires_at": now + timedelta(minutes=1),
            "started_at": now,
            "attempts": 1,
        }
    if state in (State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED):
        implied |= {"started_at": now, "completed_at": now}
    return Job.objects.create(owner=owner or make_user(), state=state, **{**implied, **fields})


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
