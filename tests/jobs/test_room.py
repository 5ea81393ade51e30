"""Room for results: what is reserved, who waits, what is deleted to make room, and what never is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import execution, readers, recovery, room, services, storage
from jobs.engine.contract import Options
from jobs.errors import StorageQuotaExceeded
from jobs.lifecycle import Lease
from jobs.models import Job, MediaFile
from jobs.services import Submission
from jobs.states import State
from tests.factories import make_file, make_job
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db

LEASE = Lease(owner="worker:1", host="worker", seconds=60)  # that of running jobs of the factory


@pytest.fixture(autouse=True)
def quota(settings: Settings) -> None:
    settings.STORAGE_QUOTA_BYTES = 1000
    settings.STORAGE_ESTIMATE_BYTES = 300
    settings.STORAGE_GRACE_SECONDS = 60


def completed(owner: User, size_bytes: int, *, minutes_ago: float = 60, **fields: Any) -> Job:
    """A job whose result, with its bytes, came so long ago."""
    ended = timezone.now() - timedelta(minutes=minutes_ago)
    job = make_job(owner, State.COMPLETED, completed_at=ended, **fields)
    source = Path(configured.WORK_DIR) / f"{job.public_id}.mp4"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(b"x" * size_bytes)
    make_file(job, path=storage.publish(source, f"videos/{job.public_id}.mp4"), size_bytes=size_bytes)
    return job


def state_of(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def test_the_figures_are_sums_of_rows(owner: User) -> None:
    completed(owner, 100)
    gone = completed(owner, 50).files.get()
    MediaFile.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    make_job(owner, State.RUNNING, reserved_bytes=200)
    make_job(owner, State.QUEUED, reserved_bytes=400)

    assert (storage.used_bytes(), storage.reserved_bytes(), storage.quota_bytes()) == (100, 200, 1000)
    assert storage.free_bytes() > 0


def test_no_more_downloads_start_than_have_room(owner: User) -> None:
    jobs = [make_job(owner, host=f"{number}.example") for number in range(5)]

    claimed = [execution.claim_next() for _ in range(5)]

    assert sum(claim is not None for claim in claimed) == 3
    assert storage.reserved_bytes() == 900
    waiting = [job for job in jobs if state_of(job) == State.QUEUED]
    assert {job.error_code for job in waiting} == {"disk_full"}
    assert "waits until there is room for 300 bytes" in waiting[0].error
    assert all(job.not_before is not None for job in waiting)


@pytest.mark.django_db(transaction=True)
def test_claims_that_come_at_once_do_not_overshoot(owner: User) -> None:
    for number in range(8):
        make_job(owner, host=f"{number}.example")
    together = threading.Barrier(6, timeout=20)

    def claim(_: int) -> bool:
        try:
            together.wait()
            return execution.claim_next() is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        claimed = sum(pool.map(claim, range(6)))

    assert claimed == 3
    assert storage.reserved_bytes() == 900


def test_the_room_of_a_dead_workers_job_comes_back(owner: User) -> None:
    make_job(owner, State.RUNNING, reserved_bytes=900, lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert storage.reserved_bytes() == 900

    recovery.recover_orphans()

    assert storage.reserved_bytes() == 0


def test_a_reservation_follows_what_is_known_of_the_size(owner: User) -> None:
    job = make_job(owner, State.RUNNING, reserved_bytes=300)
    make_job(owner, State.RUNNING, reserved_bytes=300)

    def keep_up(total: int | None, downloaded: int | None) -> tuple[bool, int]:
        fits = room.keep_up(job, LEASE, total_bytes=total, downloaded_bytes=downloaded)
        return fits, Job.objects.get(pk=job.pk).reserved_bytes

    assert keep_up(None, 100) == (True, 300)
    assert keep_up(120, 100) == (True, 120)
    assert keep_up(700, 100) == (True, 700)
    assert keep_up(701, 100) == (False, 700)
    assert keep_up(None, 800) == (False, 700)


def test_a_job_that_learns_that_it_does_not_fit_waits_without_losing_an_attempt(owner: User) -> None:
    job = make_job(owner, State.RUNNING, reserved_bytes=300, total_bytes=800)

    room.give_back(job, LEASE)

    assert state_of(job) == State.QUEUED
    assert (job.attempts, job.reserved_bytes, job.error_code) == (0, 800, "disk_full")
    assert room.wanted(job) == 800


def test_a_result_that_is_larger_than_all_room_fails_with_a_sentence(owner: User) -> None:
    running = make_job(owner, State.RUNNING, reserved_bytes=300, total_bytes=1001)
    queued = make_job(owner, State.QUEUED, reserved_bytes=1001)

    room.give_back(running, LEASE)
    assert execution.claim_next() is None

    for job in (running, queued):
        assert state_of(job) == State.FAILED
        assert job.error_code == "disk_full"
        assert "needs 1001 bytes, and all results of this service may take 1000 together" in job.error


def test_the_oldest_results_go_for_a_download_that_needs_their_room(owner: User) -> None:
    old, older, young = completed(owner, 300), completed(owner, 300, minutes_ago=90), completed(owner, 350)
    Job.objects.filter(pk=young.pk).update(completed_at=timezone.now() - timedelta(minutes=30))
    job = make_job(owner)

    assert execution.claim_next() is not None

    assert [state_of(one) for one in (older, old, young)] == [State.EXPIRED, State.COMPLETED, State.COMPLETED]
    assert state_of(job) == State.RUNNING
    assert older.events.last().reason == "deleted to make room"  # type: ignore[union-attr]
    with pytest.raises(FileNotFoundError):
        storage.open_result(older.files.get().path)


def test_nothing_is_deleted_for_a_download_that_would_not_fit_even_then(owner: User) -> None:
    kept = completed(owner, 300)
    make_job(owner, State.RUNNING, reserved_bytes=600)
    make_job(owner, reserved_bytes=500)

    assert execution.claim_next() is None

    assert state_of(kept) == State.COMPLETED


def test_above_the_high_water_mark_the_oldest_go_until_it_is_reached(owner: User, settings: Settings) -> None:
    settings.STORAGE_HIGH_WATER = 60
    jobs = [completed(owner, 200, minutes_ago=100 - number) for number in range(4)]

    assert room.excess_bytes() == 200
    assert room.clean_up() == 1

    assert [state_of(job) for job in jobs] == [State.EXPIRED] + [State.COMPLETED] * 3
    assert (room.excess_bytes(), room.clean_up()) == (0, 0)


def test_without_a_quota_nothing_is_reserved_or_cleaned(owner: User, settings: Settings) -> None:
    settings.STORAGE_QUOTA_BYTES = 0
    job = completed(owner, 900)
    make_job(owner)

    assert execution.claim_next() is not None

    assert (room.excess_bytes(), room.clean_up(), state_of(job)) == (0, 0, State.COMPLETED)
    assert room.keep_up(job, LEASE, total_bytes=5000, downloaded_bytes=None)


@pytest.mark.parametrize("why", ["kept longer", "young", "read"])
def test_some_results_are_never_cleaned_up(owner: User, settings: Settings, why: str) -> None:
    settings.STORAGE_HIGH_WATER = 1
    settings.MAX_RETENTION_HOURS = 0
    expires_at = timezone.now() + timedelta(minutes=5)
    job = completed(owner, 500, expires_at=expires_at, minutes_ago=0.5 if why == "young" else 60)
    if why == "kept longer":
        services.extend(job)
    reading = readers.begin(job.files.get()) if why == "read" else None

    assert room.clean_up() == 0

    assert state_of(job) == State.COMPLETED
    if reading is not None:
        readers.end(reading)


def test_a_full_storage_that_nothing_can_be_taken_from_refuses_submissions(owner: User) -> None:
    expires_at = timezone.now() + timedelta(minutes=5)
    completed(owner, 1000, minutes_ago=0, expires_at=expires_at)

    with pytest.raises(StorageQuotaExceeded, match=r"storage of this service is full: 1000 bytes.* expires at") as told:
        services.submit(owner, Submission(url="https://media.example/v", options=Options()))

    assert told.value.free_in_seconds is not None
    assert 290 < told.value.free_in_seconds <= 301


def test_a_full_storage_that_can_be_cleaned_takes_submissions(owner: User) -> None:
    completed(owner, 1000)

    assert services.submit(owner, Submission(url="https://media.example/v", options=Options())).state == State.QUEUED


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_download_that_turns_out_too_large_for_now_waits_and_completes_later(
    owner: User, origin: Origin, settings: Settings
) -> None:
    settings.STORAGE_QUOTA_BYTES = 10_000_000
    settings.ALLOW_PRIVATE_ADDRESSES = True
    other = make_job(owner, State.RUNNING, reserved_bytes=9_990_000)
    job = make_job(owner, url=origin.url("/video.mp4"), host="127.0.0.1")
    settings.STORAGE_ESTIMATE_BYTES = 1000

    assert execution.run_next()
    assert state_of(job) == State.QUEUED
    assert (job.error_code, job.attempts) == ("disk_full", 0)
    assert job.reserved_bytes > 10_000
    assert storage.used_bytes() == 0

    Job.objects.filter(pk=other.pk).update(reserved_bytes=0)
    Job.objects.filter(pk=job.pk).update(not_before=None)
    assert execution.run_next()
    assert state_of(job) == State.COMPLETED
    assert (storage.reserved_bytes(), storage.used_bytes()) == (0, job.files.get().size_bytes)
