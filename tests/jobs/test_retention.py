from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import retention, storage
from jobs.models import Job
from jobs.states import State
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db


def with_file(owner: User, *, expires_in: timedelta | None) -> Job:
    job = make_job(owner, State.COMPLETED, expires_at=expires_in and timezone.now() + expires_in)
    source = Path(configured.WORK_DIR) / f"{job.public_id}.mp4"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"video")
    make_file(job, path=storage.publish(source, f"videos/{job.public_id}.mp4"))
    return job


def test_an_expired_job_loses_its_bytes_and_keeps_its_rows(owner: User) -> None:
    job = with_file(owner, expires_in=-timedelta(seconds=1))

    assert retention.expire_due() == 1

    job.refresh_from_db()
    file = job.files.get()
    assert job.state == State.EXPIRED
    assert file.deleted_at is not None
    with pytest.raises(FileNotFoundError):
        storage.open_result(file.path)


@pytest.mark.parametrize("expires_in", [timedelta(minutes=1), None])
def test_a_job_whose_time_has_not_come_keeps_its_bytes(owner: User, expires_in: timedelta | None) -> None:
    job = with_file(owner, expires_in=expires_in)

    assert retention.expire_due() == 0

    with storage.open_result(job.files.get().path) as file:
        assert file.read() == b"video"


def test_expiry_finishes_what_a_crash_interrupted(owner: User) -> None:
    job = with_file(owner, expires_in=-timedelta(seconds=1))
    storage.delete_result(job.files.get().path)

    assert retention.expire_due() == 1

    job.refresh_from_db()
    assert job.state == State.EXPIRED


def test_retention_of_zero_hours_keeps_for_ever(settings: Settings) -> None:
    settings.FILE_RETENTION_HOURS = 0

    assert retention.expiry_from_now() is None
