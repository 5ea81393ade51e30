"""Which messages a change leaves, for whom, and with what in them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import batches, execution, file_links, lifecycle, services
from jobs.engine.contract import Phase, Progress
from jobs.lifecycle import Lease
from jobs.models import Batch, Delivery, Job
from jobs.states import DeliveryState, Event, State
from jobs.webhooks import outbox
from tests.factories import make_delivery, make_endpoint, make_file, make_job, make_user

pytestmark = pytest.mark.django_db

LEASE = Lease(owner="worker:1:a", host="worker", seconds=15)
HOOK = "https://hooks.example/job?token=1"
CONTRACT = {
    Event.STARTED: {"request_id", "url", "status", "timestamp"},
    Event.COMPLETED: {
        "request_id", "url", "title", "file_url", "file_path", "file_size", "status", "duration", "timestamp",
    },
    Event.FAILED: {"request_id", "url", "status", "error", "error_type", "error_code"},
    Event.CANCELLED: {"request_id", "url", "status", "timestamp"},
}  # fmt: skip


@pytest.fixture
def job(owner: User) -> Job:
    return make_job(owner, webhook_url=HOOK)


def events() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("event", flat=True))


def data() -> dict[str, Any]:
    """The data of the newest message."""
    return dict(Delivery.objects.order_by("-id")[0].payload["data"])


def finish(job: Job, target: State, **changes: Any) -> None:
    lifecycle.claim(job, LEASE)
    assert lifecycle.move(job, target, **changes)


def test_a_claim_tells_that_the_download_started(job: Job) -> None:
    lifecycle.claim(job, LEASE)

    message = Delivery.objects.get()
    assert (message.event, message.url, message.host, message.job) == (Event.STARTED, HOOK, "hooks.example", job)
    assert (message.state, message.owner, message.endpoint) == (DeliveryState.PENDING, job.owner, None)
    assert message.payload.keys() == {"event", "timestamp", "request_id", "data"}
    assert (message.payload["event"], message.payload["request_id"]) == ("download.started", job.public_id)
    assert message.payload["timestamp"].endswith("Z")


@pytest.mark.parametrize("target", [State.COMPLETED, State.FAILED, State.CANCELLED])
def test_each_end_has_its_event_with_the_fields_of_the_contract(job: Job, target: State) -> None:
    make_file(job)

    finish(job, target, error_code="timeout" if target is State.FAILED else "")

    assert events() == ["download.started", f"download.{target}"]
    assert data().keys() >= CONTRACT[Event(f"download.{target}")]
    assert (data()["request_id"], data()["url"], data()["status"]) == (job.public_id, job.url, target)


@pytest.mark.parametrize(
    ("code", "kind"), [("stalled", "timeout"), ("internal", "unexpected_error"), ("drm", "download_error")]
)
def test_a_failure_says_why_in_old_and_new_words(job: Job, code: str, kind: str) -> None:
    finish(job, State.FAILED, error_code=code, error="It did not work.")

    assert (data()["error"], data()["error_code"], data()["error_type"]) == ("It did not work.", code, kind)


def test_another_attempt_of_the_service_is_not_a_start_but_a_retry_by_the_caller_is(job: Job) -> None:
    lifecycle.claim(job, LEASE)
    lifecycle.move(job, State.QUEUED)
    lifecycle.claim(job, LEASE)
    assert events() == ["download.started"]

    lifecycle.move(job, State.FAILED)
    services.retry(job)
    lifecycle.claim(job, LEASE)

    assert events() == ["download.started", "download.failed", "download.started"]


def test_a_resumed_download_does_not_start_again(job: Job) -> None:
    lifecycle.claim(job, LEASE)
    lifecycle.move(job, State.PAUSED)
    services.resume(job)
    lifecycle.claim(job, LEASE)

    assert events() == ["download.started"]


def test_an_undone_move_leaves_no_message(job: Job) -> None:
    with transaction.atomic():
        lifecycle.claim(job, LEASE)
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_up_once_the_message_is_committed(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    monkeypatch.setattr("jobs.queue.run_soon", woken.append)

    with transaction.atomic():
        lifecycle.claim(job, LEASE)
        assert woken == []

    assert woken == ["jobs.tasks.deliver"]


def test_a_message_names_the_main_file_by_a_link_that_works_without_a_key(job: Job, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://dl.example"
    make_file(job, role="subtitle", path="videos/a.srt")
    file = make_file(job, path="videos/a b+ü.mp4", size_bytes=5, duration_seconds=2.5)

    finish(job, State.COMPLETED, title="A film")

    told = data()
    assert (told["title"], told["file_path"], told["file_size"], told["duration"]) == ("A film", file.path, 5, 2.5)
    assert told["file_url"].startswith("https://dl.example/files/")
    assert file_links.file_id_of(urlsplit(told["file_url"]).path.split("/")[2]) == file.public_id


def test_a_files_path_is_the_one_that_the_service_answers_at(job: Job) -> None:
    path = file_links.path_of(make_file(job, path="videos/a b+ü(1)&'.mp4"))
    token = path.split("/")[2]

    assert path == reverse("file", args=[token, "a b+ü(1)&'.mp4"])


def test_without_a_public_url_links_begin_where_the_caller_reached_the_service(owner: User, settings: Settings) -> None:
    settings.PUBLIC_URL = ""
    batch = Batch.objects.create(owner=owner, link_origin="http://batch.example")
    with file_links.call_from(lambda: "http://caller.example:8080"):
        origin = file_links.caller_origin()

    assert file_links.caller_origin() == ""
    assert file_links.origin_for(make_job(owner, link_origin=origin)) == "http://caller.example:8080"
    assert file_links.origin_for(make_job(owner, batch=batch)) == "http://batch.example"
    assert file_links.origin_for(make_job(owner)) == ""


def test_a_call_leaves_its_address_with_the_job(owner: User, client: APIClient) -> None:
    client.force_login(owner)

    response = client.post(reverse("jobs:submit"), {"url": "http://media.example/v", "quality": "best"})

    assert response.status_code == 302, response.content
    assert Job.objects.get().link_origin == "http://testserver"


def test_endpoints_get_what_they_ask_for(owner: User) -> None:
    everything = make_endpoint(owner)
    ends = make_endpoint(owner, events=["download.failed"])
    make_endpoint(owner, is_active=False)
    make_endpoint(make_user())

    finish(make_job(owner), State.FAILED)

    told = [(message.endpoint, message.event) for message in Delivery.objects.order_by("id")]
    assert told == [(everything, Event.STARTED), (everything, Event.FAILED), (ends, Event.FAILED)]


def test_progress_is_for_those_who_ask_for_it(owner: User, job: Job) -> None:
    silent = make_job(owner)
    assert not outbox.wants_progress(silent)

    make_endpoint(owner)
    assert not outbox.wants_progress(silent)
    assert outbox.wants_progress(job)

    make_endpoint(owner, events=["download.progress"])
    assert outbox.wants_progress(silent)


def watched(job: Job) -> Callable[[float], None]:
    """Claims the job; gives what its engine calls with progress."""
    lifecycle.claim(job, LEASE)
    watcher = execution.JobWatcher(job, LEASE)
    return lambda percent: watcher.tick(Progress(phase=Phase.DOWNLOADING, percent=percent, speed_bps=2.0), []) and None


def test_progress_is_told_at_most_once_a_second_and_only_the_latest(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    tick = watched(job)

    tick(1.0)
    tick(2.0)

    assert events() == ["download.started", "download.progress"]
    assert data()["progress"] == {
        "percent": 1.0, "downloaded_bytes": None, "total_bytes": None, "speed": 2.0, "eta": None,
    }  # fmt: skip
    assert (data()["status"], data()["request_id"]) == ("running", job.public_id)

    monkeypatch.setattr(execution, "RENEW_SECONDS", 0.0)
    tick = watched(make_job(job.owner, webhook_url=HOOK))
    tick(3.0)
    tick(4.0)

    assert [m.payload["data"]["progress"]["percent"] for m in Delivery.objects.filter(event=Event.PROGRESS)] == [4, 1]


def test_progress_that_is_being_sent_stays(job: Job) -> None:
    sent = make_delivery(job.owner, job=job, event=Event.PROGRESS, lease_owner="worker")

    outbox.job_progressed(job, {"percent": 5.0})

    assert Delivery.objects.filter(pk=sent.pk).exists()


def test_the_end_drops_progress_that_was_not_sent(job: Job) -> None:
    lifecycle.claim(job, LEASE)
    outbox.job_progressed(job, {"percent": 5.0})

    lifecycle.move(job, State.CANCELLED)

    assert events() == ["download.started", "download.cancelled"]


def test_progress_of_a_job_without_listeners_costs_no_query(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "RENEW_SECONDS", 0.0)
    tick = watched(make_job(owner))

    with CaptureQueriesContext(
        connection,
    ) as asked:
        tick(1.0)

    assert [query["sql"].split()[0] for query in asked] == ["UPDATE"]


def test_a_batch_tells_of_its_jobs_and_of_its_end(owner: User) -> None:
    batch = Batch.objects.create(owner=owner, webhook_url=HOOK)
    jobs = [make_job(owner, batch=batch, position=position) for position in (1, 2)]

    finish(jobs[0], State.COMPLETED)
    finish(jobs[1], State.FAILED)

    assert events() == [
        "download.started", "download.completed", "download.started", "download.failed", "batch.completed",
    ]  # fmt: skip
    message = Delivery.objects.get(event=Event.BATCH_COMPLETED)
    told = message.payload["data"]
    assert (message.batch, message.job, message.url) == (batch, None, HOOK)
    assert message.payload["request_id"] == told["batch_id"] == batch.public_id
    assert (told["status"], told["total_jobs"], told["completed_jobs"], told["failed_jobs"]) == ("completed", 2, 1, 1)
    assert Delivery.objects.filter(job=jobs[0])[0].payload["data"]["batch_id"] == batch.public_id


def test_jobs_that_are_cancelled_with_their_batch_are_told_of_in_a_few_queries(owner: User) -> None:
    make_endpoint(owner)
    batch = Batch.objects.create(owner=owner)
    jobs = [make_job(owner, batch=batch, position=position) for position in range(1, 11)]

    with CaptureQueriesContext(connection) as asked:
        lifecycle.cancel_waiting(batches.hold(batch.pk), reason="cancelled by the caller")

    assert sorted(m.job_id or 0 for m in Delivery.objects.filter(event=Event.CANCELLED)) == [job.pk for job in jobs]
    assert len(asked) < 15
    assert data()["status"] == "cancelled"


def test_a_retry_takes_back_that_the_end_was_told(owner: User) -> None:
    job = make_job(owner, State.FAILED, webhook_sent=True, completed_at=timezone.now() - timedelta(hours=1))

    services.retry(job)

    assert not job.webhook_sent
