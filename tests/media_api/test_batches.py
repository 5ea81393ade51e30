from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs.engine.contract import Options
from jobs.models import Batch, Job
from jobs.states import BatchKind, State
from tests.factories import make_batch, make_file, make_job, make_user

BATCHES = "/api/v1/batch"
DOWNLOAD = f"{BATCHES}/download"
URLS = ["http://a.example/1", "http://b.example/2"]
BATCH_FIELDS = {
    "batch_id", "status", "total_jobs", "completed_jobs", "failed_jobs", "running_jobs", "queued_jobs", "jobs",
    "created_at", "started_at", "completed_at", "duration_sec", "error",
}  # fmt: skip
JOB_FIELDS = {
    "job_id", "url", "status", "title", "progress", "file_info", "error", "created_at", "completed_at",
}  # fmt: skip


def submit(api: APIClient, path: str = DOWNLOAD, **body: Any) -> Any:
    return api.post(path, {"urls": URLS, **body}, format="json")


def submit_file(api: APIClient, content: bytes, **fields: Any) -> Any:
    return api.post(DOWNLOAD, {"file": SimpleUploadedFile("links.txt", content), **fields}, format="multipart")


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"
    return [entry["field"] for entry in response.json()["error"]["details"]]


@pytest.mark.parametrize("path", [DOWNLOAD, f"{DOWNLOAD}/"])
def test_a_batch_is_queued_with_the_documented_defaults(api: APIClient, owner: User, path: str) -> None:
    response = submit(api, path)

    assert response.status_code == 202
    batch = Batch.objects.get(public_id=response.json()["batch_id"])
    assert (batch.owner, batch.concurrent_limit, batch.stop_on_error) == (owner, 3, False)
    assert batch.api_key is not None
    assert response["Location"] == f"http://testserver{BATCHES}/{batch.public_id}"
    job = batch.jobs.get(position=1)
    assert job.download_options() == Options(path_template="batch/{batch_id}/{safe_title}-{id}.{ext}")


def test_a_batch_has_every_field_of_the_contract(api: APIClient) -> None:
    batch = submit(api).json()

    assert batch.keys() >= BATCH_FIELDS
    assert batch["batch_id"].startswith("batch_")
    assert len(batch["batch_id"]) >= 18
    assert (batch["status"], batch["total_jobs"], batch["queued_jobs"]) == ("queued", 2, 2)
    assert batch["progress"] == {"percent": 0.0, "text": "0/2"}
    assert batch["created_at"].endswith("Z")
    assert [job["url"] for job in batch["jobs"]] == URLS
    assert batch["jobs"][0].keys() >= JOB_FIELDS
    assert batch["jobs"][0]["job_id"] == Job.objects.get(url=URLS[0]).public_id


def test_options_reach_every_job(api: APIClient) -> None:
    submit(api, quality="720p", priority=8, concurrent_limit=10, stop_on_error=True, timeout_sec=60)

    for job in Job.objects.all():
        assert (job.options["quality"], job.options["timeout_sec"], job.priority) == ("720p", 60, 8)
    batch = Batch.objects.get()
    assert (batch.concurrent_limit, batch.stop_on_error) == (10, True)


def test_errors_that_are_not_ignored_stop_the_batch(api: APIClient) -> None:
    assert submit(api, ignore_errors=False).json()["stop_on_error"] is True


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("urls", [], "urls"),
        ("urls", [f"http://a.example/{number}" for number in range(101)], "urls"),
        ("urls", "http://a.example/", "urls"),
        ("urls", [*URLS, "ftp://a.example/"], "urls.2"),
        ("urls", [*URLS, 7], "urls.2"),
        ("urls", [*URLS, URLS[0]], "urls.2"),
        ("urls", [*URLS, "http://youtube.com/watch?v=1"], "urls.2"),
        ("concurrent_limit", 0, "concurrent_limit"),
        ("concurrent_limit", 11, "concurrent_limit"),
        ("concurrent_limit", None, "concurrent_limit"),
        ("stop_on_error", "perhaps", "stop_on_error"),
        ("ignore_errors", "perhaps", "ignore_errors"),
        ("priority", 10, "priority"),
        ("path_template", "../{id}.{ext}", "path_template"),
        ("quality", "8k", "quality"),
        ("file", "x", "file"),
        ("url", URLS[0], "url"),
    ],
)
def test_a_wrong_value_is_refused_and_named(api: APIClient, field: str, value: Any, named: str) -> None:
    assert wrong_fields(submit(api, **{field: value})) == [named]
    assert not Batch.objects.exists()
    assert not Job.objects.exists()


def test_every_refused_link_is_named(api: APIClient) -> None:
    response = submit(api, urls=["http://youtu.be/1", URLS[0], "http://u:p@a.example/"])

    assert wrong_fields(response) == ["urls.0", "urls.2"]


def test_a_full_queue_takes_none(api: APIClient, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 1

    response = submit(api)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "QUEUE_FULL")
    assert int(response["Retry-After"]) > 0
    assert not Job.objects.exists()


def test_the_same_request_twice_makes_one_batch(api: APIClient) -> None:
    answers = [api.post(DOWNLOAD, {"urls": URLS}, format="json", headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["batch_id"] == answers[1].json()["batch_id"]
    assert Batch.objects.count() == 1


def test_a_file_of_links_makes_a_batch(api: APIClient) -> None:
    content = "\ufeff# films\r\nhttp://a.example/1\r\n\r\n  http://b.example/2  \r\n# the end".encode()

    response = submit_file(api, content, quality="720p", concurrent_limit="2")

    assert response.status_code == 202, response.json()
    batch = Batch.objects.get()
    jobs = list(batch.jobs.order_by("position"))
    assert [job.url for job in jobs] == URLS
    assert jobs[0].options["quality"] == "720p"
    assert batch.concurrent_limit == 2


def test_a_programs_form_gets_the_defaults_of_what_it_leaves_out(api: APIClient) -> None:
    submit_file(api, URLS[0].encode())

    job = Job.objects.get()
    assert job.options["embed_metadata"] is True
    assert Batch.objects.get().stop_on_error is False


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"http://a.example/1\n\nnonsense", "Line 3:"),
        (b"http://a.example/1\n# x\nhttp://a.example/1\n", "Line 3:"),
        (b"http://a.example/1\nhttp://youtube.com/watch?v=1\n", "Line 2:"),
        (b"http://a.example/" + b"x" * 4096, "Line 1:"),
        (b"\xff\xfe", "UTF-8"),
        (b"# nothing\n", "1 to 100 links"),
        (b"\n".join(b"http://a.example/%d" % number for number in range(101)), "1 to 100 links"),
        (b"", "empty"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(api: APIClient, content: bytes, line: str) -> None:
    response = submit_file(api, content)

    assert wrong_fields(response) == ["file"]
    assert line in response.json()["error"]["details"][0]["message"]
    assert not Job.objects.exists()


def test_every_wrong_line_is_named(api: APIClient) -> None:
    response = submit_file(api, b"one\nhttp://a.example/\ntwo\n")

    messages = [entry["message"][:7] for entry in response.json()["error"]["details"]]
    assert messages == ["Line 1:", "Line 3:"]


def test_links_come_in_a_file_or_in_the_form_but_not_in_both(api: APIClient) -> None:
    assert wrong_fields(submit_file(api, URLS[0].encode(), urls=URLS[1])) == ["urls"]


def test_a_batch_tells_how_far_it_is(api: APIClient, owner: User) -> None:
    batch = make_batch(owner, state=State.RUNNING, started_at=timezone.now() - timedelta(seconds=9))
    states = [State.COMPLETED, State.FAILED, State.RUNNING, State.QUEUED, State.PAUSED, State.CANCELLED, State.EXPIRED]
    for position, state in enumerate(states, 1):
        make_job(owner, state, batch=batch, position=position, percent=50.0 if state == State.RUNNING else None)

    shown = api.get(f"{BATCHES}/{batch.public_id}/").json()

    assert shown["progress"] == {"percent": round(450 / 7, 2), "text": "4/7"}
    counts = ("total_jobs", "completed_jobs", "failed_jobs", "running_jobs", "queued_jobs", "paused_jobs")
    assert [shown[name] for name in counts] == [7, 2, 1, 1, 1, 1]
    assert shown["duration_sec"] >= 9
    assert [job["position"] for job in shown["jobs"]] == list(range(1, 8))


def test_a_finished_job_of_a_batch_shows_its_file(api: APIClient, owner: User) -> None:
    batch = make_batch(owner, state=State.COMPLETED)
    make_file(make_job(owner, State.COMPLETED, batch=batch, position=1, title="A film"), path="batch/x/a.mp4")

    (job,) = api.get(f"{BATCHES}/{batch.public_id}").json()["jobs"]

    assert (job["title"], job["status"], job["file_info"]["filename"]) == ("A film", "completed", "a.mp4")
    assert job["progress"]["percent"] == 100.0


def test_a_large_batch_is_shown_in_pages_with_few_queries(
    api: APIClient, owner: User, django_assert_max_num_queries: Any
) -> None:
    batch = make_batch(owner)
    for position in range(1, 31):
        make_file(make_job(owner, State.COMPLETED, batch=batch, position=position))

    with django_assert_max_num_queries(8):
        first = api.get(f"{BATCHES}/{batch.public_id}?page_size=20").json()
    second = api.get(f"{BATCHES}/{batch.public_id}?page_size=20&page=2").json()

    assert (len(first["jobs"]), first["page"], first["total_pages"], first["total_jobs"]) == (20, 1, 2, 30)
    assert [job["position"] for job in second["jobs"]] == list(range(21, 31))
    assert len(api.get(f"{BATCHES}/{batch.public_id}").json()["jobs"]) == 30


@pytest.mark.parametrize("query", ["page=0", "page_size=1001", "page_size=0", "page=x", "nonsense=1"])
def test_a_wrong_page_is_refused(api: APIClient, owner: User, query: str) -> None:
    response = api.get(f"{BATCHES}/{make_batch(owner).public_id}?{query}")

    assert wrong_fields(response) == [query.partition("=")[0]]


def test_the_list_holds_only_ones_own_batches_of_downloads_newest_first(api: APIClient, owner: User) -> None:
    now = timezone.now()
    old = make_batch(owner, created_at=now - timedelta(hours=1), state=State.FAILED)
    new = make_batch(owner, created_at=now, kind=BatchKind.PLAYLIST)
    make_batch(make_user())
    make_batch(owner, kind=BatchKind.METADATA)
    make_job(owner, State.COMPLETED, batch=new, position=1)

    page = api.get(BATCHES).json()

    assert [batch["batch_id"] for batch in page["results"]] == [new.public_id, old.public_id]
    assert page["results"][0]["completed_jobs"] == 1
    assert "jobs" not in page["results"][0]
    assert [b["batch_id"] for b in api.get(f"{BATCHES}?status=failed").json()["results"]] == [old.public_id]
    assert [b["batch_id"] for b in api.get(f"{BATCHES}?kind=playlist").json()["results"]] == [new.public_id]


def test_the_list_goes_on_behind_its_cursor(api: APIClient, owner: User) -> None:
    made = {make_batch(owner).public_id for _ in range(5)}
    seen: list[str] = []
    address: str | None = f"{BATCHES}?limit=2"

    while address:
        page = api.get(address).json()
        seen += [batch["batch_id"] for batch in page["results"]]
        address = page["next"]

    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize(("method", "action"), [("get", ""), ("delete", ""), ("post", "/retry")])
def test_other_peoples_batches_look_like_unknown_ones(api: APIClient, method: str, action: str) -> None:
    theirs = make_batch(make_user())

    answers = [getattr(api, method)(f"{BATCHES}/{name}{action}") for name in (theirs.public_id, "batch_unknown")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"NOT_FOUND"}


@pytest.mark.parametrize("slash", ["", "/"])
def test_cancelling_a_batch_cancels_its_jobs(api: APIClient, owner: User, slash: str) -> None:
    batch_id = submit(api).json()["batch_id"]

    response = api.delete(f"{BATCHES}/{batch_id}{slash}")

    assert response.status_code == 200
    answer = response.json()
    assert answer.pop("timestamp").endswith("Z")
    assert answer.pop("message")
    assert answer == {"request_id": batch_id, "status": "cancelled", "cancelled_jobs": 2}
    assert set(Job.objects.values_list("state", flat=True)) == {State.CANCELLED}
    again = api.delete(f"{BATCHES}/{batch_id}")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")


def test_retrying_a_batch_queues_what_failed(api: APIClient, owner: User) -> None:
    batch = make_batch(owner, state=State.FAILED, error="1 of 2 downloads failed.")
    make_job(owner, State.FAILED, batch=batch, position=1)
    make_job(owner, State.COMPLETED, batch=batch, position=2)

    response = api.post(f"{BATCHES}/{batch.public_id}/retry")

    assert response.status_code == 200
    shown = response.json()
    assert (shown["queued_jobs"], shown["completed_jobs"], shown["error"]) == (1, 1, None)
    assert api.post(f"{BATCHES}/{batch.public_id}/retry").status_code == 409


def test_a_job_tells_its_batch_and_is_found_by_it(api: APIClient, owner: User) -> None:
    batch = submit(api).json()
    alone = make_job(owner)

    found = api.get(f"/api/v1/download?batch={batch['batch_id']}").json()["results"]

    assert {job["request_id"] for job in found} == {job["job_id"] for job in batch["jobs"]}
    assert {job["batch_id"] for job in found} == {batch["batch_id"]}
    assert sorted(job["position"] for job in found) == [1, 2]
    assert api.get(f"/api/v1/download/{alone.public_id}").json()["batch_id"] is None
    assert api.get("/api/v1/download?batch=batch_unknown").json()["results"] == []


def test_a_call_needs_a_key(anonymous: APIClient) -> None:
    assert anonymous.get(BATCHES).status_code == 401
    assert submit(anonymous).status_code == 401
