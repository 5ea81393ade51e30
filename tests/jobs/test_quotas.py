import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from accounts import allowances
from accounts.models import ApiKey, User
from jobs import batch_services, execution, lifecycle, quotas, scheduling, services
from jobs.batch_services import BatchSubmission, Link
from jobs.engine.contract import FileRole, Options, ProducedFile, Result
from jobs.errors import QuotaExceeded, StorageQuotaExceeded
from jobs.lifecycle import Lease
from jobs.models import Job, MediaFile
from jobs.services import Submission
from jobs.states import State
from tests.factories import make_file, make_job, make_key, make_user

pytestmark = pytest.mark.django_db

AT_ONCE = 6


def submit(owner: User, api_key: ApiKey | None = None) -> Job:
    return services.submit(owner, Submission(url="https://media.example/v", options=Options()), api_key=api_key)


def submit_batch(owner: User, length: int, api_key: ApiKey | None = None) -> Any:
    links = tuple(Link(f"https://media.example/{number}", f"urls.{number}") for number in range(length))
    return batch_services.submit_batch(owner, BatchSubmission(links=links, options=Options()), api_key=api_key)


@pytest.mark.parametrize(("own", "default", "bound"), [(None, 3, 3), (5, 3, 5), (0, 3, None), (None, 0, None)])
def test_a_users_own_allowance_counts_before_the_default(
    settings: Settings, own: int | None, default: int, bound: int | None
) -> None:
    settings.QUOTA_RUNNING_JOBS = settings.QUOTA_JOBS_PER_DAY = settings.QUOTA_STORED_BYTES = default
    person = User(max_running_jobs=own, max_jobs_per_day=own, max_stored_bytes=own)

    allowed = allowances.of_user(person)

    assert (allowed.running_jobs, allowed.jobs_per_day, allowed.stored_bytes) == (bound, bound, bound)


def test_a_key_has_all_of_its_owners_allowance_unless_it_says_otherwise(settings: Settings) -> None:
    settings.QUOTA_JOBS_PER_DAY = 3

    assert allowances.of_key(ApiKey()).jobs_per_day is None
    assert allowances.of_key(ApiKey(max_jobs_per_day=2)).jobs_per_day == 2


def test_one_job_more_than_a_days_is_refused_and_told_when_there_is_room() -> None:
    owner = make_user(max_jobs_per_day=2)
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        submit(owner)
        clock.shift(3600)
        submit(owner)
        clock.shift(60)
        with pytest.raises(QuotaExceeded, match=r"2 download\(s\) in 24 hours, and 2 were submitted.*one more") as told:
            submit(owner)
        assert told.value.free_in_seconds is not None
        clock.shift(told.value.free_in_seconds - 2)
        with pytest.raises(QuotaExceeded):
            submit(owner)
        clock.shift(2)
        submit(owner)

    assert Job.objects.filter(owner=owner).count() == 3


def test_jobs_of_others_do_not_count() -> None:
    submit(make_user(max_jobs_per_day=1))

    submit(make_user(max_jobs_per_day=1))


def test_a_batch_fits_as_a_whole_or_not_at_all() -> None:
    owner = make_user(max_jobs_per_day=3)
    submit(owner)

    with pytest.raises(QuotaExceeded, match="There is room for 3 more at"):
        submit_batch(owner, 3)
    with pytest.raises(QuotaExceeded, match="4 more at once are never possible") as never:
        submit_batch(owner, 4)

    assert never.value.free_in_seconds is None
    assert Job.objects.filter(owner=owner).count() == 1
    assert len(submit_batch(owner, 2).jobs.all()) == 2


def test_a_key_is_bound_by_its_own_allowance_and_by_its_owners() -> None:
    owner = make_user(max_jobs_per_day=3)
    narrow, wide = make_key(owner)[0], make_key(owner)[0]
    narrow.max_jobs_per_day = 1

    submit(owner, narrow)
    with pytest.raises(QuotaExceeded, match="This API key's quota is 1"):
        submit(owner, narrow)
    submit(owner, wide)
    submit(owner)
    with pytest.raises(QuotaExceeded, match="Your quota is 3"):
        submit(owner, wide)


def test_who_stores_as_much_as_allowed_starts_nothing_until_there_is_room() -> None:
    owner = make_user(max_stored_bytes=1000)
    soon = timezone.now() + timedelta(minutes=10)
    job = make_job(owner, State.COMPLETED, expires_at=soon)
    file = make_file(job, size_bytes=1000)

    with pytest.raises(StorageQuotaExceeded, match=r"1000 bytes .*, and 1000 are stored.*next result expires") as told:
        submit(owner)
    assert told.value.free_in_seconds == pytest.approx(600, abs=3)
    MediaFile.objects.filter(pk=file.pk).update(deleted_at=timezone.now())

    assert submit(owner)


def test_a_retry_needs_room_for_its_result_and_counts_for_no_new_day() -> None:
    owner = make_user(max_stored_bytes=1000, max_jobs_per_day=1)
    failed = make_job(owner, State.FAILED)
    file = make_file(make_job(owner, State.COMPLETED, created_at=timezone.now() - timedelta(days=2)), size_bytes=1000)

    with pytest.raises(StorageQuotaExceeded):
        services.retry(failed)
    MediaFile.objects.filter(pk=file.pk).update(deleted_at=timezone.now())

    assert services.retry(failed).state == State.QUEUED


def result_of(size_bytes: int, tmp_path: Any) -> Result:
    path = tmp_path / "v.mp4"
    path.write_bytes(bytes(size_bytes))
    file = ProducedFile(path=path, role=FileRole.MEDIA, size_bytes=size_bytes, sha256="0" * 64, mime_type="video/mp4")
    return Result(files=(file,), template_values={"id": "1", "title": "v", "ext": "mp4"})


@pytest.mark.parametrize(("size_bytes", "state"), [(400, State.COMPLETED), (401, State.FAILED)])
def test_a_result_that_does_not_fit_is_not_stored(tmp_path: Any, size_bytes: int, state: State) -> None:
    owner = make_user(max_stored_bytes=1000)
    make_file(make_job(owner, State.COMPLETED), size_bytes=600)
    job = make_job(owner, State.RUNNING, lease_owner="w:1")

    execution.complete(job, Lease(owner="w:1", host="w", seconds=60), result_of(size_bytes, tmp_path))

    job.refresh_from_db()
    assert job.state == state
    assert job.files.count() == (state == State.COMPLETED)
    if state == State.FAILED:
        assert "Your quota is 1000 bytes" in job.error


def test_an_attempt_gets_no_more_than_what_is_left(settings: Settings) -> None:
    settings.MAX_FILE_SIZE_BYTES = 5000
    owner = make_user(max_stored_bytes=1000)
    make_file(make_job(owner, State.COMPLETED), size_bytes=600)
    key, _ = make_key(owner)

    assert quotas.largest_result(make_job(owner)) == 400
    assert quotas.largest_result(make_job()) == 5000
    key.max_stored_bytes = 300
    key.save()
    assert quotas.largest_result(make_job(owner, api_key=key)) == 300


def test_of_an_owner_no_more_jobs_run_than_allowed_while_others_run_on() -> None:
    owner = make_user(max_running_jobs=1)
    make_job(owner, State.RUNNING, worker_host="elsewhere")
    make_job(owner, priority=9)
    assert scheduling.next_job("host") is None

    other = make_job()

    assert scheduling.next_job("host") == other


def test_the_default_for_running_jobs_holds_for_who_has_no_own(settings: Settings, owner: User) -> None:
    make_job(owner, State.RUNNING, worker_host="elsewhere")
    waiting = make_job(owner)
    assert scheduling.next_job("host") == waiting

    settings.QUOTA_RUNNING_JOBS = 1

    assert scheduling.next_job("host") is None


def test_of_a_key_no_more_jobs_run_than_allowed(owner: User) -> None:
    key, _ = make_key(owner)
    key.max_running_jobs = 1
    key.save()
    make_job(owner, State.RUNNING, worker_host="elsewhere", api_key=key)
    make_job(owner, api_key=key, priority=9)
    assert scheduling.next_job("host") is None

    by_hand = make_job(owner)

    assert scheduling.next_job("host") == by_hand


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_submissions_at_once_do_not_slip_through_together() -> None:
    owner = make_user(max_jobs_per_day=2)
    start, refused = threading.Barrier(AT_ONCE), []

    def one() -> None:
        start.wait(10)
        try:
            submit(owner)
        except QuotaExceeded as refusal:
            refused.append(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert Job.objects.filter(owner=owner).count() == 2
    assert len(refused) == AT_ONCE - 2


def test_without_bounds_nothing_is_counted(owner: User, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(0):
        quotas.admit(owner, None, jobs=1)


def test_creating_past_the_services_counts_too(owner: User) -> None:
    owner.max_jobs_per_day = 1
    owner.save()
    lifecycle.create(Job(owner=owner, url="https://media.example/v", host="media.example", options={}))

    with pytest.raises(QuotaExceeded):
        submit(owner)
    assert connection.in_atomic_block
