from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import expansion, tasks
from jobs.models import Batch, Extraction
from jobs.states import BatchKind, ExtractionState, State
from tests.factories import make_job
from tests.media_api import lists

PREVIEW = "/api/v1/playlist/preview"
DOWNLOAD = "/api/v1/playlist/download"
PREVIEW_FIELDS = {
    "url", "title", "uploader", "uploader_id", "description", "total_items", "items", "page", "page_size",
    "total_pages", "has_next", "has_previous", "extractor",
}  # fmt: skip
ITEM_FIELDS = {
    "id", "title", "url", "duration", "view_count", "uploader", "upload_date", "thumbnail", "playlist_index",
}  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_waits(settings: Settings) -> None:
    """No worker runs here that could read a list."""
    settings.LIST_WAIT_SECONDS = 0


def preview(api: APIClient, **query: Any) -> Any:
    return api.get(PREVIEW, {"url": lists.URL, **query})


def submit(api: APIClient, path: str = DOWNLOAD, **body: Any) -> Any:
    return api.post(path, {"url": lists.URL, **body}, format="json")


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    return [entry["field"] for entry in response.json()["error"]["details"]]


def test_a_page_has_every_field_of_the_contract(api: APIClient, owner: User) -> None:
    lists.known(owner, [lists.entry(1), lists.entry(2)], items="1:21", total=2)

    response = preview(api)

    assert response.status_code == 200
    page = response.json()
    assert page.keys() >= PREVIEW_FIELDS
    assert (page["url"], page["title"], page["uploader_id"], page["extractor"]) == (
        lists.URL, "Films", "@somebody", "a:list",
    )  # fmt: skip
    assert page["items"][0].keys() == ITEM_FIELDS
    assert page["items"][1]["playlist_index"] == 2
    paging = ("total_items", "page", "page_size", "total_pages", "has_next", "has_previous")
    assert [page[name] for name in paging] == [2, 1, 20, 1, False, False]


def test_a_page_in_the_middle_reads_no_more_than_itself_and_one(api: APIClient, owner: User) -> None:
    lists.known(owner, [lists.entry(number) for number in (3, 4, 5)], items="3:5", total=None)

    page = preview(api, page=2, limit=2).json()

    assert [item["playlist_index"] for item in page["items"]] == [3, 4]
    assert (page["has_next"], page["has_previous"]) == (True, True)
    assert (page["total_items"], page["total_pages"]) == (None, None)


def test_a_page_behind_the_end_is_empty(api: APIClient, owner: User) -> None:
    lists.known(owner, [], items="21:41", total=3)

    page = preview(api, page=2).json()

    assert (page["items"], page["has_next"], page["has_previous"], page["total_pages"]) == ([], False, True, 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"url": "ftp://a.example/"}, "url"),
        ({"url": "http://youtube.com/playlist?list=1"}, "url"),
        ({"page": 0}, "page"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cookies_id": "cookie_unknown"}, "cookies_id"),
        ({"size": 5}, "size"),
    ],
)
def test_a_wrong_query_is_refused_and_named(api: APIClient, query: dict[str, Any], field: str) -> None:
    assert wrong_fields(preview(api, **query)) == [field]
    assert not Extraction.objects.exists()


def test_a_list_that_cannot_be_read_says_why(api: APIClient, owner: User) -> None:
    lists.failed(owner, "not_found", "There is nothing at this address.", items="1:21")

    response = preview(api)

    assert (response.status_code, response.json()["error"]["code"]) == (502, "METADATA_EXTRACTION_FAILED")
    assert "nothing at this address" in response.json()["error"]["message"]


@pytest.mark.parametrize("path", [DOWNLOAD, f"{DOWNLOAD}/"])
def test_a_download_is_a_batch_whose_list_is_read_by_workers(api: APIClient, owner: User, path: str) -> None:
    response = submit(api, path)

    assert response.status_code == 201
    answer = response.json()
    batch = Batch.objects.get(public_id=answer["batch_id"])
    assert (answer["status"], answer["kind"], answer["jobs"], answer["total_jobs"]) == ("queued", "playlist", [], 0)
    assert response["Location"] == f"http://testserver/api/v1/batch/{batch.public_id}"
    assert (batch.owner, batch.url, batch.is_expanded) == (owner, lists.URL, False)
    assert batch.options["path_template"] == "playlists/{playlist}/{playlist_index:03d}-{title}.{ext}"
    assert batch.options["timeout_sec"] == 3600
    assert batch.selection["skip_downloaded"] is True
    assert Extraction.objects.get(batch=batch).parameters == {}


def test_the_jobs_are_there_when_the_list_is_read(api: APIClient) -> None:
    batch = Batch.objects.get(public_id=submit(api, quality="480p").json()["batch_id"])
    lists.read(batch, [lists.entry(1), lists.entry(2)])
    expansion.expand(batch)

    shown = api.get(f"/api/v1/batch/{batch.public_id}").json()

    assert (shown["total_jobs"], shown["title"], shown["status"]) == (2, "Films", "running")
    assert [job["title"] for job in shown["jobs"]] == ["Film 1", "Film 2"]
    assert {job.options["quality"] for job in batch.jobs.all()} == {"480p"}


@pytest.mark.parametrize(
    ("body", "items"),
    [
        ({"items": "1-10, 15"}, "1-10,15"),
        ({"items": "-3:"}, "-3:"),
        ({"start": 3}, "3:"),
        ({"end": 5}, "1:5"),
        ({"start": 3, "end": 5}, "3:5"),
        ({"items": "2", "start": 1}, "2"),
        ({}, ""),
    ],
)
def test_no_more_than_the_chosen_entries_are_read(api: APIClient, body: dict[str, Any], items: str) -> None:
    submit(api, **body)

    assert Extraction.objects.get().parameters == ({"items": items} if items else {})


def test_selection_and_limits_are_kept_with_the_batch(api: APIClient) -> None:
    submit(api, reverse_playlist=True, skip_downloaded=False, ignore_errors=False, concurrent_limit=2, priority=1)

    batch = Batch.objects.get()
    assert (batch.selection["reverse_playlist"], batch.selection["skip_downloaded"]) == (True, False)
    assert (batch.stop_on_error, batch.concurrent_limit, batch.priority) == (True, 2, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "nonsense"),
        ("url", "http://youtube.com/playlist?list=1"),
        ("items", "one"),
        ("items", "1,,2"),
        ("items", ""),
        ("items", "10-1"),
        ("items", 5),
        ("start", 0),
        ("start", "x"),
        ("end", 0),
        ("skip_downloaded", "perhaps"),
        ("reverse_playlist", "perhaps"),
        ("concurrent_limit", 0),
        ("timeout_sec", 7201),
        ("path_template", "{nonsense}.{ext}"),
        ("cookies_id", "cookie_unknown"),
        ("max_downloads", 5),
    ],
)
def test_a_wrong_value_is_refused_and_named(api: APIClient, field: str, value: Any) -> None:
    assert wrong_fields(submit(api, **{field: value})) == [field]
    assert not Batch.objects.exists()


@pytest.mark.parametrize(("body", "field"), [({"items": "1-3", "end": 5}, "items"), ({"start": 5, "end": 4}, "end")])
def test_a_contradiction_is_refused(api: APIClient, body: dict[str, Any], field: str) -> None:
    assert wrong_fields(submit(api, **body)) == [field]


def test_a_full_queue_refuses_the_list(api: APIClient, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 1
    make_job()

    response = submit(api)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "QUEUE_FULL")
    assert not Batch.objects.exists()


def test_a_list_that_cannot_be_read_is_a_failed_batch_to_look_at(api: APIClient) -> None:
    batch = Batch.objects.get(public_id=submit(api).json()["batch_id"])
    error = {"state": ExtractionState.FAILED, "error": "The site wants a login.", "error_code": "login_required"}
    Extraction.objects.filter(batch=batch).update(**error)
    tasks.expand()

    shown = api.get(f"/api/v1/batch/{batch.public_id}").json()

    assert (shown["status"], shown["error"], shown["jobs"]) == ("failed", "The site wants a login.", [])


def test_a_failed_list_is_read_again_on_a_retry(api: APIClient, owner: User) -> None:
    batch = Batch.objects.get(public_id=submit(api).json()["batch_id"])
    Batch.objects.filter(pk=batch.pk).update(state=State.FAILED, is_expanded=True, error="gone")

    response = api.post(f"/api/v1/batch/{batch.public_id}/retry")

    assert (response.status_code, response.json()["status"], response.json()["error"]) == (200, "queued", None)
    assert Extraction.objects.filter(batch=batch).count() == 2


def test_the_same_request_twice_reads_the_list_once(api: APIClient) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [api.post(DOWNLOAD, {"url": lists.URL}, format="json", headers=headers).json() for _ in range(2)]

    assert answers[0]["batch_id"] == answers[1]["batch_id"]
    assert Batch.objects.filter(kind=BatchKind.PLAYLIST).count() == 1


def test_the_calls_need_a_key(anonymous: APIClient) -> None:
    assert preview(anonymous).status_code == 401
    assert submit(anonymous).status_code == 401
