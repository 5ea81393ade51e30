"""Files between being published and being recorded, when a worker dies just then."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db import OperationalError
from pytest_django import Settings

from accounts.models import User
from jobs import execution, retention, storage, unrecorded
from jobs.lifecycle import Lease
from jobs.models import Job
from jobs.states import State
from tests.factories import make_job, make_user
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Killed(BaseException):
    """As SIGKILL: whatever the code would do about an error, it does not come to that."""


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user()


@pytest.fixture(autouse=True)
def near(settings: Settings) -> Iterator[None]:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    settings.RETRY_DELAY = 0
    yield
    for job in Job.objects.all():
        storage.discard(storage.set_aside(job.public_id))
        unrecorded.clear(unrecorded.notes(), ())


def published_and_died(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(execution, "record", lambda *_: (_ for _ in ()).throw(Killed()))
        patch.setattr(unrecorded, "withdraw", lambda *_: None)
        with pytest.raises(Killed):
            execution.run_next()
    Job.objects.filter(pk=job.pk).update(state=State.QUEUED, lease_owner="", lease_expires_at=None)


def test_the_next_attempt_goes_on_from_the_files_under_the_same_name(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner, url=origin.url("/video.mp4"))
    published_and_died(job, monkeypatch)
    sent = sum(transfer.sent_bytes for transfer in origin.transfers)
    size = storage_bytes()

    assert execution.run_next()

    job.refresh_from_db()
    assert job.state == State.COMPLETED
    assert storage_bytes() == size, "the first attempt's file is still there"
    again = sum(transfer.sent_bytes for transfer in origin.transfers) - sent
    assert again < size, "the file was fetched anew"
    assert unrecorded.notes() == []


def test_a_record_whose_commit_was_cut_off_keeps_its_files(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner, url=origin.url("/video.mp4"))
    record, cut_off = execution.record, [OperationalError("server closed the connection")]

    def record_and_lose_the_answer(*arguments: object) -> bool:
        is_recorded = record(*arguments)  # type: ignore[arg-type]
        if cut_off:
            raise cut_off.pop()
        return is_recorded

    monkeypatch.setattr(execution, "record", record_and_lose_the_answer)

    assert execution.run_next()

    job.refresh_from_db()
    assert job.state == State.COMPLETED
    storage.open_result(job.files.get().path).close()


def test_an_attempt_deletes_no_files_that_a_later_one_has_taken_over(owner: User) -> None:
    job = make_job(owner, State.RUNNING)
    lease = Lease(owner="host:1:abc", host="host", seconds=15)
    storage.make_work_directory(job.public_id)
    name = put("taken/over.mp4")
    unrecorded.note(job.public_id, lease.owner, {"over.mp4": name})

    unrecorded.take_back(job.public_id)
    assert put("taken/over.mp4") == name
    unrecorded.withdraw(job.public_id, lease.owner)

    storage.open_result(name).close()


def test_what_was_published_for_a_job_that_is_over_is_deleted(owner: User) -> None:
    live, over = make_job(owner, State.RUNNING), make_job(owner, State.FAILED)
    names = {}
    for job in (live, over):
        names[job.pk] = put(f"{job.public_id}.mp4")
        unrecorded.note(job.public_id, "host:1:abc", {"video.mp4": names[job.pk]})

    retention.sweep_work_directories()

    storage.open_result(names[live.pk]).close()
    with pytest.raises(FileNotFoundError):
        storage.open_result(names[over.pk])
    assert list(map(unrecorded.job_of, unrecorded.notes())) == [live.public_id]


def test_a_sweep_leaves_alone_what_is_published_while_it_looks(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(owner, State.RUNNING)
    live_states, names = retention._live_states, list[str]()

    def publish_meanwhile(asked: Collection[str]) -> dict[str, str]:
        found = live_states(asked)
        if not names:
            names.append(put(f"{job.public_id}.mp4"))
            unrecorded.note(job.public_id, "host:1:abc", {"video.mp4": names[0]})
        return found

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_live_states", publish_meanwhile)
        retention.sweep_work_directories()

    storage.open_result(names[0]).close()
    assert list(map(unrecorded.job_of, unrecorded.notes())) == [job.public_id]


def put(name: str) -> str:
    source = storage.make_work_directory("source") / "file"
    source.write_bytes(b"film")
    return storage.publish(source, name)


def storage_bytes() -> int:
    return sum(path.stat().st_size for path in configured.FILES_DIR.rglob("*.mp4"))


def test_the_first_note_on_a_host_needs_no_directory(settings: Settings, tmp_path: Path) -> None:
    settings.WORK_DIR = tmp_path / "data" / "work"

    unrecorded.note("req_first", "host:1:abc", {"film.mp4": "videos/film.mp4"})

    assert [unrecorded.job_of(note) for note in unrecorded.notes()] == ["req_first"]
