"""Pages read by a worker, with the real engine and a local origin."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import execution, extraction, retention, storage, tasks
from jobs.extraction import many, running
from jobs.models import Extraction
from jobs.queue import process
from jobs.states import BatchKind, ExtractionState, State
from tests.factories import make_batch, make_extraction, make_job
from tests.jobs.extraction.pages import ENTRIES, URL, VIDEO, fresh, ran
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_nothing_runs_when_nobody_asks(owner: User) -> None:
    assert running.run_next() is None


def test_a_page_is_read_and_the_answer_kept_for_a_while(owner: User, origin: Origin, settings: Settings) -> None:
    settings.EXTRACTION_CACHE_SECONDS = 60
    extraction.ask(owner, VIDEO, origin.url("/page.html"))

    row = ran()

    assert row.state == ExtractionState.COMPLETED, row.error
    assert extraction.answer(row)["metadata"]["title"] == "A test film"
    assert row.expires_at is not None
    assert timedelta(seconds=50) < row.expires_at - timezone.now() <= timedelta(seconds=60)
    assert not storage.work_directory(row.public_id).exists()
    extraction.answer(extraction.ask(owner, VIDEO, origin.url("/page.html")))
    assert len(origin.requests) == 1


def test_the_entries_asked_for_are_read(owner: User, origin: Origin) -> None:
    extraction.ask(owner, ENTRIES, origin.url("/feeds/10000.xml"), parameters={"items": "1:20"})

    told = extraction.answer(ran())

    assert (told["total"], len(told["entries"])) == (10_000, 20)
    assert len(origin.requests) == 1


def test_a_failure_is_remembered_for_seconds_only(owner: User, origin: Origin) -> None:
    extraction.ask(owner, VIDEO, origin.url("/status/404"))

    row = ran()

    assert (row.state, row.error_code) == (ExtractionState.FAILED, "not_found")
    assert row.expires_at is not None
    assert row.expires_at - timezone.now() <= timedelta(seconds=5)
    assert not storage.work_directory(row.public_id).exists()


def test_a_look_takes_only_so_long(owner: User, origin: Origin, settings: Settings) -> None:
    settings.EXTRACTION_TIMEOUT_SECONDS = 1
    extraction.ask(owner, VIDEO, origin.url("/stall/page.html"))

    row = ran()

    assert row.error_code == "timeout"
    assert "download" not in row.error


def test_a_host_reads_only_so_many_pages_at_once(owner: User, settings: Settings) -> None:
    settings.MAX_CONCURRENT_EXTRACTIONS = 1
    make_extraction(owner, state=ExtractionState.RUNNING, worker_host=process.HOST)
    waiting = make_extraction(owner)

    assert running.claim_next() is None
    Extraction.objects.exclude(pk=waiting.pk).update(worker_host="another")
    claimed = running.claim_next()

    assert claimed is not None
    assert claimed[0] == waiting
    assert (claimed[0].state, claimed[0].attempts, claimed[0].worker_host) == ("running", 1, process.HOST)


def test_owners_take_turns_and_batches_wait_for_callers(owner: User) -> None:
    batch = make_batch(owner, kind=BatchKind.METADATA)
    busy = [make_extraction(owner, batch=batch, position=1), make_extraction(owner), make_extraction(owner)]
    other = make_extraction()

    order = [claimed[0] for claimed in iter(running.claim_next, None)]

    assert order == [busy[1], other, busy[2], busy[0]]


def test_who_takes_one_of_several_wakes_another_worker(owner: User, wakes: list[str]) -> None:
    make_extraction(owner)
    make_extraction(owner)

    running.claim_next()
    assert wakes == ["wake"]
    running.claim_next()
    assert wakes == ["wake"]


def test_an_equal_question_of_a_batch_is_answered_without_the_site(owner: User, origin: Origin) -> None:
    extraction.ask(owner, VIDEO, origin.url("/page.html"))
    ran()
    batch = many.submit(owner, [origin.url("/page.html")], cookie_jar=None, api_key=None)

    row = ran()

    assert row.batch == batch
    assert extraction.answer(row)["metadata"]["title"] == "A test film"
    assert len(origin.requests) == 1


def test_a_worker_that_drains_gives_the_question_back(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    extraction.ask(owner, VIDEO, origin.url("/stall/page.html"))
    monkeypatch.setattr(process, "is_draining", lambda: True)

    row = ran()

    assert (row.state, row.attempts, row.lease_owner) == (ExtractionState.QUEUED, 0, "")


def test_a_slow_page_is_no_pool_that_hangs(
    owner: User, origin: Origin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXTRACTION_TIMEOUT_SECONDS = 2
    signs: list[float] = []
    monkeypatch.setattr(process, "show_life", lambda: signs.append(time.monotonic()))
    extraction.ask(owner, VIDEO, origin.url("/stall/page.html"))

    running.run_next()

    assert signs[-1] - signs[0] > 1


def test_a_worker_that_lost_its_lease_records_nothing(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    extraction.ask(owner, VIDEO, origin.url("/stall/page.html"))
    look = running.look

    def lose(row: Extraction, lease: Any) -> Any:
        Extraction.objects.filter(pk=row.pk).update(lease_owner="another")
        return look(row, lease)

    monkeypatch.setattr(running, "look", lose)

    row = ran()

    assert (row.state, row.lease_owner, row.error) == (ExtractionState.RUNNING, "another", "")


def test_what_breaks_the_worker_does_not_leave_the_caller_waiting(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(running, "look", break_down)
    extraction.ask(owner, VIDEO, URL)

    assert (ran().state, ran_codes()) == (ExtractionState.FAILED, ["internal"])


def ran_codes() -> list[str]:
    return list(Extraction.objects.values_list("error_code", flat=True))


def test_an_owner_who_is_gone_takes_the_question_along(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    many.submit(owner, [origin.url("/page.html")], cookie_jar=None, api_key=None)
    succeed = running.succeed

    def forget(*arguments: Any) -> None:
        owner.delete()
        succeed(*arguments)

    monkeypatch.setattr(running, "succeed", forget)

    assert running.run_next() is None
    assert not Extraction.objects.exists()


def test_any_wake_up_serves_pages_first_and_then_downloads(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    job = make_job(owner)
    extraction.ask(owner, VIDEO, origin.url("/video.mp4"))
    read = running.run_next

    def run_page() -> Extraction | None:
        row = read()
        order.extend(["page"] if row else [])
        return row

    def run_job() -> bool:
        order.append("download")
        return len(order) < 3

    monkeypatch.setattr(running, "run_next", run_page)
    monkeypatch.setattr(execution, "run_next", run_job)

    tasks.work()

    assert order == ["page", "download", "download"]
    assert job.state == State.QUEUED


def test_the_sweep_spares_the_directory_of_a_look(owner: User) -> None:
    row = make_extraction(owner, state=ExtractionState.RUNNING)
    over = make_extraction(owner, **fresh())
    directories = [storage.make_work_directory(one.public_id) for one in (row, over)]

    retention.sweep_work_directories()

    assert [directory.exists() for directory in directories] == [True, False]
    storage.discard(directories[0])
