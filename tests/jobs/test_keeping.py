"""How long files stay when their owners say so: kept longer, deleted, and the deletion taken back."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import queries, retention, services
from jobs.errors import JobNotFound, StateConflict
from jobs.models import Job
from jobs.states import State
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hours(settings: Settings) -> None:
    settings.FILE_RETENTION_HOURS, settings.MAX_RETENTION_HOURS = 1, 3


def kept(owner: User, *, expires_at: datetime | None, **fields: object) -> Job:
    return make_job(owner, State.COMPLETED, expires_at=expires_at, **fields)


def test_extending_adds_the_retention_time(owner: User) -> None:
    expires_at = timezone.now() + timedelta(minutes=10)

    job = services.extend(kept(owner, expires_at=expires_at))

    assert job.expires_at == expires_at + HOUR


def test_extending_ends_at_the_longest_time_after_the_download(owner: User) -> None:
    ended = timezone.now() - 2 * HOUR
    job = kept(owner, expires_at=timezone.now() + timedelta(minutes=10), completed_at=ended)

    services.extend(job)

    assert job.expires_at == ended + 3 * HOUR
    with pytest.raises(StateConflict, match="3 hours at most"):
        services.extend(job)


def test_without_a_longest_time_files_can_be_kept_on_and_on(owner: User, settings: Settings) -> None:
    settings.MAX_RETENTION_HOURS = 0
    job = kept(owner, expires_at=timezone.now(), completed_at=timezone.now() - 100 * HOUR)

    for _ in range(2):
        services.extend(job)

    assert job.expires_at is not None
    assert job.expires_at > timezone.now() + 1.9 * HOUR


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED, State.EXPIRED])
def test_only_finished_jobs_can_be_kept_longer(owner: User, state: State) -> None:
    with pytest.raises(StateConflict):
        services.extend(make_job(owner, state, expires_at=timezone.now()))


def test_what_is_kept_for_ever_is_not_kept_longer(owner: User) -> None:
    with pytest.raises(StateConflict, match="until you delete them"):
        services.extend(kept(owner, expires_at=None))


def test_of_two_that_extend_at_once_one_is_told(owner: User) -> None:
    job = kept(owner, expires_at=timezone.now())
    same = Job.objects.get(pk=job.pk)
    services.extend(job)

    with pytest.raises(StateConflict, match="somebody was faster"):
        services.extend(same)


def test_deleted_files_cannot_be_had_but_stay_for_a_moment(owner: User) -> None:
    job = kept(owner, expires_at=None)
    file = make_file(job)

    services.delete_soon(job)

    assert retention.expire_due() == 0
    assert queries.present_files(job) == []
    with pytest.raises(JobNotFound):
        queries.servable_file(file.public_id)


def test_a_deletion_can_be_taken_back(owner: User) -> None:
    job = kept(owner, expires_at=None)
    file = make_file(job)

    services.restore(services.delete_soon(job))

    assert queries.servable_file(file.public_id) == file


def test_a_deletion_that_was_not_taken_back_is_done(owner: User) -> None:
    job = services.delete_soon(kept(owner, expires_at=None))
    Job.objects.update(deletion_asked_at=timezone.now() - queries.UNDO_TIME)

    assert retention.expire_due() == 1

    job.refresh_from_db()
    assert (job.state, job.deletion_asked_at) == (State.EXPIRED, None)
    assert job.events.latest("id").reason == "deleted by the caller"
    with pytest.raises(StateConflict):
        services.restore(job)


@pytest.mark.parametrize("change", [services.extend, services.restore])
def test_what_was_saved_since_it_was_read_is_not_deleted(
    owner: User, monkeypatch: pytest.MonkeyPatch, change: object
) -> None:
    job = kept(owner, expires_at=timezone.now())
    if change is services.restore:
        Job.objects.update(expires_at=None, deletion_asked_at=timezone.now() - queries.UNDO_TIME)
    as_read = list(queries.expired())
    (services.extend if change is services.extend else services.restore)(Job.objects.get(pk=job.pk))
    monkeypatch.setattr(queries, "expired", lambda: as_read)

    assert retention.expire_due() == 0

    job.refresh_from_db()
    assert job.state == State.COMPLETED
