import signal
import subprocess
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


def test_one_result_that_cannot_be_deleted_does_not_keep_the_others(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [with_file(owner, expires_in=-timedelta(seconds=1)) for _ in range(2)]
    broken = jobs[0].files.get().path
    delete = storage.delete_result

    def delete_or_fail(name: str) -> None:
        if name == broken:
            raise OSError("read-only")
        delete(name)

    monkeypatch.setattr(storage, "delete_result", delete_or_fail)

    assert retention.expire_due() == 2


def test_of_two_that_expire_a_job_only_one_deletes(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = with_file(owner, expires_in=-timedelta(seconds=1))
    late = Job.objects.get(pk=job.pk)
    assert retention.expire(job, reason="first")
    deleted: list[str] = []
    monkeypatch.setattr(storage, "delete_result", deleted.append)

    assert not retention.expire(late, reason="second")

    assert not deleted


def test_stray_files_are_swept_and_recorded_or_young_ones_stay(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = with_file(owner, expires_in=None).files.get().path
    gone = with_file(owner, expires_in=-timedelta(seconds=1))
    stray = gone.files.get().path
    gone.files.update(deleted_at=timezone.now())
    retention.sweep_strays()
    storage.open_result(stray).close()

    monkeypatch.setattr(storage, "settle_time", lambda: timedelta(seconds=-5))
    retention.sweep_strays()

    storage.open_result(recorded).close()
    with pytest.raises(FileNotFoundError):
        storage.open_result(stray)


def test_work_directories_of_jobs_that_are_over_or_unknown_are_swept(owner: User) -> None:
    live = [make_job(owner, state).public_id for state in (State.QUEUED, State.RUNNING, State.PAUSED)]
    over = [make_job(owner, State.COMPLETED).public_id, "req_nobody"]
    for name in [*live, *over]:
        storage.make_work_directory(name)

    retention.sweep_work_directories()

    assert [storage.work_directory(name).exists() for name in live] == [True] * 3
    assert [storage.work_directory(name).exists() for name in over] == [False] * 2


def test_what_runs_in_the_directory_of_a_job_that_does_not_run_is_ended(owner: User) -> None:
    jobs = {state: make_job(owner, state) for state in (State.RUNNING, State.QUEUED, State.COMPLETED)}
    left = {
        state: subprocess.Popen(["sleep", "30"], cwd=storage.make_work_directory(job.public_id))
        for state, job in jobs.items()
    }
    try:
        retention.sweep_work_directories()

        assert left[State.QUEUED].wait(5) == left[State.COMPLETED].wait(5) == -signal.SIGKILL
        assert left[State.RUNNING].poll() is None
    finally:
        for process in left.values():
            process.kill()
            process.wait()


def test_a_job_that_ends_gives_its_directory_away_before_a_retry_can_use_it(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner)
    storage.make_work_directory(job.public_id)
    seen: list[bool] = []
    monkeypatch.setattr(storage, "discard", lambda _: seen.append(storage.work_directory(job.public_id).exists()))

    assert retention.end(job, State.CANCELLED)

    assert seen == [False]


def test_retention_of_zero_hours_keeps_for_ever(settings: Settings) -> None:
    settings.FILE_RETENTION_HOURS = 0

    assert retention.expiry_from_now() is None
