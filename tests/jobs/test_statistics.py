from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from jobs.states import State
from jobs.statistics import statistics
from tests.factories import make_file, make_job


def test_an_empty_service_has_figures_too(db: None) -> None:
    found = statistics()

    assert (found.total, found.downloaded_bytes, found.average_seconds, found.success_percent) == (0, 0, None, 100.0)


def test_jobs_are_counted_by_what_became_of_them(owner: User) -> None:
    for state in (State.QUEUED, State.QUEUED, State.RUNNING, State.FAILED, State.EXPIRED, State.CANCELLED):
        make_job(owner, state)
    make_job(state=State.COMPLETED)

    found = statistics()

    assert (found.total, found.queued, found.active, found.failed, found.completed) == (7, 2, 1, 1, 2)
    assert round(found.success_percent, 1) == 66.7


def test_expired_files_count_as_downloaded_but_not_as_stored(owner: User) -> None:
    job = make_job(owner, State.COMPLETED)
    make_file(job, size_bytes=3_000_000_000)
    make_file(job, size_bytes=2_000_000_000, deleted_at=timezone.now())

    found = statistics()

    assert (found.downloaded_bytes, found.stored_bytes) == (5_000_000_000, 3_000_000_000)


def test_the_average_time_is_from_start_to_end(owner: User) -> None:
    now = timezone.now()
    for seconds in (10, 30):
        make_job(owner, State.COMPLETED, started_at=now - timedelta(seconds=seconds), completed_at=now)

    assert statistics().average_seconds == 20.0
