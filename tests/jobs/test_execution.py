"""One job from claim to its end, with the real engine and a local origin."""

import hashlib
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import circuit, execution, lifecycle, patience, storage
from jobs.engine.contract import FailureCode, LogLine, Options, Phase, Progress, Stop
from jobs.lifecycle import Lease
from jobs.models import Job, JobLog, Site
from jobs.queue import process
from jobs.states import State, Wish
from tests.factories import make_job, make_user
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user()


@pytest.fixture(autouse=True)
def near(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    settings.RETRY_DELAY = 0


@pytest.fixture
def draining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "is_draining", lambda: True)


def ran(job: Job) -> Job:
    assert execution.run_next()
    job.refresh_from_db()
    return job


def test_nothing_runs_when_nothing_is_due(owner: User) -> None:
    make_job(owner, not_before=timezone.now() + timedelta(minutes=5))

    assert not execution.run_next()


def test_a_finished_job_has_a_published_file_and_its_provenance(owner: User, origin: Origin) -> None:
    job = ran(make_job(owner, url=origin.url("/video.mp4")))

    file = job.files.get()
    with storage.open_result(file.path) as stream:
        content = stream.read()
    assert job.state == State.COMPLETED, job.error
    assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)
    assert file.path.startswith("videos/")
    assert job.provenance["options"] == job.options
    assert {"yt_dlp", "ffmpeg"} <= set(job.provenance["versions"])
    assert job.expires_at is not None
    assert not storage.work_directory(job.public_id).exists()


def test_two_jobs_with_one_name_keep_a_file_each(owner: User, origin: Origin) -> None:
    jobs = [ran(make_job(owner, url=origin.url("/video.mp4"))) for _ in range(2)]

    assert len({job.files.get().path for job in jobs}) == 2


def test_companions_stand_beside_the_main_file(owner: User, origin: Origin) -> None:
    options = Options(write_info_json=True, path_template="here/{id}.{ext}").to_json()

    job = ran(make_job(owner, url=origin.url("/video.mp4"), options=options))

    assert sorted(file.path for file in job.files.all()) == ["here/video.info.json", "here/video.mp4"]


def test_companions_follow_the_name_that_the_main_file_got(owner: User, origin: Origin) -> None:
    options = Options(write_info_json=True, path_template="taken/{id}.{ext}").to_json()
    ran(make_job(owner, url=origin.url("/video.mp4"), options=options))

    job = ran(make_job(owner, url=origin.url("/video.mp4"), options=options))

    main, info = (file.path for file in job.files.all())
    assert main != "taken/video.mp4"
    assert info == main.removesuffix(".mp4") + ".info.json"


def test_a_hopeless_failure_is_final_and_leaves_no_files(owner: User, origin: Origin) -> None:
    job = ran(make_job(owner, url=origin.url("/status/404")))

    assert (job.state, job.error_code, job.attempts) == (State.FAILED, "not_found", 1)
    assert job.error
    assert not storage.work_directory(job.public_id).exists()


def test_a_passing_failure_is_tried_again_until_the_attempts_are_used_up(
    owner: User, origin: Origin, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS = 2
    job = ran(make_job(owner, url=origin.url("/status/503")))
    assert (job.state, job.error_code, job.attempts) == (State.QUEUED, "network", 1)
    assert job.not_before is not None

    job = ran(job)

    assert (job.state, job.error_code, job.attempts) == (State.FAILED, "network", 2)
    assert [event.target for event in job.events.all()] == ["running", "queued", "running", "failed"]


@pytest.mark.usefixtures("draining")
def test_a_draining_worker_gives_the_job_back_without_counting_the_attempt(owner: User, origin: Origin) -> None:
    job = ran(make_job(owner, url=origin.url("/slow/1000000/big.mp4")))

    assert (job.state, job.attempts, job.lease_owner) == (State.QUEUED, 0, "")


def test_a_wish_that_came_before_the_first_tick_is_fulfilled(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner, url=origin.url("/slow/1000000/big.mp4"))
    claim = lifecycle.claim

    def claim_and_cancel(*arguments: object) -> bool:
        return claim(*arguments) and lifecycle.ask(job, Wish.CANCEL)  # type: ignore[arg-type]

    monkeypatch.setattr(lifecycle, "claim", claim_and_cancel)

    assert ran(job).state == State.CANCELLED
    assert not storage.work_directory(job.public_id).exists()


def test_a_worker_that_lost_its_lease_touches_nothing(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner, url=origin.url("/slow/1000000/big.mp4"))
    claim = lifecycle.claim

    def claim_and_lose(*arguments: object) -> bool:
        won = claim(*arguments)  # type: ignore[arg-type]
        Job.objects.filter(pk=job.pk).update(lease_owner="another")
        return won

    monkeypatch.setattr(lifecycle, "claim", claim_and_lose)

    job = ran(job)
    assert (job.state, job.lease_owner) == (State.RUNNING, "another")


def test_the_rules_for_domains_hold_behind_a_redirect(owner: User, origin: Origin, settings: Settings) -> None:
    settings.ALLOWED_DOMAINS = ["localhost"]
    url = origin.url("/redirect").replace("127.0.0.1", "localhost") + "?to=" + origin.url("/video.mp4")

    job = ran(make_job(owner, url=url))

    assert (job.state, job.error_code) == (State.FAILED, "unsupported_url")
    assert "127.0.0.1" in job.error


def test_a_failing_publication_leaves_no_half_published_result(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.MAX_ATTEMPTS = 1
    published: list[str] = []
    publish = storage.publish

    def publish_once(source: Path, name: str, *more: Any) -> str:
        if published:
            raise OSError("disk gone")
        published.append(publish(source, name, *more))
        return published[0]

    monkeypatch.setattr(storage, "publish", publish_once)
    options = Options(write_info_json=True).to_json()

    job = ran(make_job(owner, url=origin.url("/video.mp4"), options=options))

    assert (job.state, job.error_code) == (State.FAILED, "internal")
    assert published
    with pytest.raises(FileNotFoundError):
        storage.open_result(published[0])


def test_the_log_keeps_the_newest_lines_and_counts_them_all(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "LOG_LINES_KEPT", 3)
    job = make_job(owner)

    for number in range(5):
        execution.append_log(job, [LogLine(level="info", text=f"line {number}")])

    log = JobLog.objects.get(job=job)
    assert [line.rpartition("INFO ")[2] for line in log.lines] == ["line 2", "line 3", "line 4"]
    assert log.total_lines == 5


def test_a_restarting_database_costs_no_finished_download(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, failures_left = (
        execution.record,
        [OperationalError("server closed the connection"), InterfaceError("closed")],
    )

    def record_later(*arguments: Any) -> bool:
        if failures_left:
            raise failures_left.pop()
        return record(*arguments)

    monkeypatch.setattr(execution, "record", record_later)
    monkeypatch.setattr(patience, "DATABASE_POLL_SECONDS", 0.01)

    job = ran(make_job(owner, url=origin.url("/video.mp4")))

    assert job.state == State.COMPLETED
    assert len(origin.received("/video.mp4")) <= 2


@pytest.mark.parametrize(("given", "shown"), [("", "As the site says"), ("As the list says", "As the list says")])
def test_a_job_has_its_title_while_it_runs(owner: User, given: str, shown: str) -> None:
    lease = Lease(owner="worker:1", host="worker", seconds=60)
    job = make_job(owner, State.RUNNING, lease_owner=lease.owner, title=given)

    execution.JobWatcher(job, lease).tick(Progress(phase=Phase.DOWNLOADING, title="As the site says"), [])

    assert Job.objects.get(pk=job.pk).title == shown


def test_a_download_goes_on_while_the_database_is_away_until_its_lease_is_over(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(lifecycle, "renew", away)
    watcher = execution.JobWatcher(make_job(owner), Lease(owner="worker:1", host="worker", seconds=0.2))

    assert watcher.tick(None, []) is None

    deadline = time.monotonic() + 5
    while watcher.tick(None, []) is None:
        assert time.monotonic() < deadline
    assert watcher.tick(None, []) is Stop.LOST


def test_a_result_that_cannot_be_recorded_leaves_no_files(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "record", lambda *_: False)
    names: list[str] = []
    publish = storage.publish
    monkeypatch.setattr(storage, "publish", lambda *given: names.append(publish(*given)) or names[-1])

    ran(make_job(owner, url=origin.url("/video.mp4")))

    with pytest.raises(FileNotFoundError):
        storage.open_result(names[0])


@pytest.mark.usefixtures("draining")
def test_a_cancel_wins_over_the_drain(owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(owner, url=origin.url("/slow/1000000/big.mp4"))
    claim = lifecycle.claim
    monkeypatch.setattr(lifecycle, "claim", lambda *given: claim(*given) and lifecycle.ask(job, Wish.CANCEL))

    assert ran(job).state == State.CANCELLED


@pytest.fixture(autouse=True)
def clean_directories() -> Iterator[None]:
    yield
    for job in Job.objects.all():
        storage.discard(storage.set_aside(job.public_id))


def test_a_site_that_answers_429_again_and_again_is_held_and_the_jobs_attempts_are_saved(
    owner: User, origin: Origin, settings: Settings
) -> None:
    settings.SITE_HOLD_AFTER = 2
    job = make_job(owner, url=origin.url("/status/429"), host="127.0.0.1")

    for _ in range(2):
        Job.objects.update(not_before=None)  # as if the time that the site asks for were over
        assert ran(job).error_code == FailureCode.RATE_LIMITED

    Job.objects.update(not_before=None)
    assert not execution.run_next()
    assert (job.state, job.attempts) == (State.QUEUED, 2)
    assert list(circuit.spared().held) == ["127.0.0.1"]


def test_a_refused_download_is_not_tried_again_sooner_than_the_site_asks(
    owner: User, origin: Origin, settings: Settings
) -> None:
    settings.RETRY_DELAY = 0.01  # the origin asks for a second

    job = ran(make_job(owner, url=origin.url("/status/429"), host="127.0.0.1"))

    assert job.events.get(target=State.QUEUED).reason == "again in 1 s: rate_limited"


def test_a_download_that_succeeds_ends_the_sparing_of_its_site(owner: User, origin: Origin) -> None:
    circuit.note_refusal("127.0.0.1")

    assert ran(make_job(owner, url=origin.url("/video.mp4"), host="127.0.0.1")).state == State.COMPLETED

    assert not Site.objects.exists()
