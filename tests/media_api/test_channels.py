from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import archive, expansion
from jobs.models import Batch, Extraction
from tests.media_api import lists

INFO = "/api/v1/channel/info"
DOWNLOAD = "/api/v1/channel/download"
INFO_FIELDS = {
    "url", "channel_id", "channel_name", "description", "subscriber_count", "video_count", "filtered_video_count",
    "videos", "page", "page_size", "total_pages", "has_next", "has_previous", "filters_applied", "extractor",
}  # fmt: skip
SIX = [*[lists.entry(number) for number in range(1, 6)], lists.entry(6, duration=None, upload_date=None)]


@pytest.fixture(autouse=True)
def nobody_waits(settings: Settings) -> None:
    """No worker runs here that could read a list."""
    settings.LIST_WAIT_SECONDS = 0


def info(api: APIClient, **query: Any) -> Any:
    return api.get(INFO, {"url": lists.URL, **query})


def submit(api: APIClient, **body: Any) -> Any:
    return api.post(DOWNLOAD, {"url": lists.URL, **body}, format="json")


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    return [entry["field"] for entry in response.json()["error"]["details"]]


def numbers(response: Any) -> list[int]:
    assert response.status_code == 200, response.json()
    return [video["playlist_index"] for video in response.json()["videos"]]


def test_a_page_has_every_field_of_the_contract(api: APIClient, owner: User) -> None:
    lists.known(owner, SIX, items="1:21", total=6)

    response = info(api)

    assert numbers(response) == [1, 2, 3, 4, 5, 6]
    page = response.json()
    assert page.keys() >= INFO_FIELDS
    assert (page["channel_id"], page["channel_name"], page["subscriber_count"]) == ("c1", "Somebody", 12)
    assert (page["video_count"], page["filtered_video_count"], page["filters_applied"]) == (6, 6, {})


def test_without_filters_no_more_is_read_than_the_page_needs(api: APIClient, owner: User) -> None:
    lists.known(owner, [lists.entry(number) for number in (3, 4, 5)], items="3:5", total=None)

    page = info(api, page=2, page_size=2).json()

    assert [video["playlist_index"] for video in page["videos"]] == [3, 4]
    assert (page["video_count"], page["filtered_video_count"], page["has_next"]) == (None, None, True)


@pytest.mark.parametrize(
    ("query", "expected", "unknown"),
    [
        ({"date_after": "20260103"}, [3, 4, 5], 1),
        ({"date_before": "20260102"}, [1, 2], 1),
        ({"date_after": "20260102", "date_before": "20260104", "min_duration": 180}, [3, 4], 1),
        ({"max_duration": 120}, [1, 2], 1),
        ({"min_views": 5000}, [5, 6], 0),
        ({"max_views": 1000}, [1], 0),
        ({"sort_by": "upload_date"}, [5, 4, 3, 2, 1, 6], 0),
        ({"sort_by": "view_count"}, [6, 5, 4, 3, 2, 1], 0),
        ({"sort_by": "duration"}, [5, 4, 3, 2, 1, 6], 0),
        ({"sort_by": "title", "max_views": 2000}, [1, 2], 0),
    ],
)
def test_filters_and_order_choose_among_all(
    api: APIClient, owner: User, query: dict[str, Any], expected: list[int], unknown: int
) -> None:
    lists.known(owner, SIX, total=6)

    response = info(api, **query)

    assert numbers(response) == expected
    page = response.json()
    assert (page["video_count"], page["filtered_video_count"]) == (6, len(expected))
    assert page["unknown_video_count"] == unknown
    assert page["filters_applied"] == query


def test_what_filters_leave_is_shown_in_pages(api: APIClient, owner: User) -> None:
    lists.known(owner, SIX, total=6)

    first = info(api, min_views=2000, page_size=2).json()
    last = info(api, min_views=2000, page_size=2, page=3).json()

    assert [video["playlist_index"] for video in first["videos"]] == [2, 3]
    assert (first["total_pages"], first["has_next"], first["has_previous"]) == (3, True, False)
    assert [video["playlist_index"] for video in last["videos"]] == [6]
    assert (last["has_next"], last["has_previous"]) == (False, True)


WRONG_FILTERS = [
    ({"date_after": "2026-01-01"}, "date_after"),
    ({"date_before": "20260231"}, "date_before"),
    ({"min_duration": -1}, "min_duration"),
    ({"max_duration": "long"}, "max_duration"),
    ({"max_duration": True}, "max_duration"),
    ({"min_views": -1}, "min_views"),
    ({"max_views": "x"}, "max_views"),
    ({"sort_by": "likes"}, "sort_by"),
    ({"date_after": "20260102", "date_before": "20260101"}, "date_before"),
    ({"min_duration": 2, "max_duration": 1}, "max_duration"),
    ({"min_views": 2, "max_views": 1}, "max_views"),
    ({"url": "nonsense"}, "url"),
    ({"url": "http://youtube.com/@x"}, "url"),
]


@pytest.mark.parametrize(
    ("query", "field"), [*WRONG_FILTERS, ({"page": 0}, "page"), ({"page_size": 101}, "page_size"), ({"x": 1}, "x")]
)
def test_a_wrong_query_is_refused_and_named(api: APIClient, query: dict[str, Any], field: str) -> None:
    assert wrong_fields(info(api, **query)) == [field]
    assert not Extraction.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *WRONG_FILTERS,
        ({"max_downloads": 0}, "max_downloads"),
        ({"max_downloads": 1001}, "max_downloads"),
        ({"items": "1"}, "items"),
        ({"skip_downloaded": "perhaps"}, "skip_downloaded"),
        ({"date_after": 20260101}, "date_after"),
    ],
)
def test_a_wrong_value_is_refused_and_named(api: APIClient, body: dict[str, Any], field: str) -> None:
    assert wrong_fields(submit(api, **body)) == [field]
    assert not Batch.objects.exists()


def test_a_download_has_the_documented_defaults(api: APIClient) -> None:
    response = submit(api)

    assert (response.status_code, response.json()["kind"]) == (201, "channel")
    batch = Batch.objects.get()
    assert batch.options["path_template"] == "channels/{uploader}/{upload_date}-{title}.{ext}"
    assert batch.options["timeout_sec"] == 3600
    assert (batch.selection["skip_downloaded"], batch.stop_on_error) == (True, False)


def test_filters_order_archive_and_number_choose_what_is_downloaded(api: APIClient, owner: User) -> None:
    archive.add_lines(owner, "a v5\n", field="file")
    body = {"min_duration": 100, "date_after": "20260101", "sort_by": "upload_date", "max_downloads": 2}
    batch = Batch.objects.get(public_id=submit(api, **body).json()["batch_id"])
    lists.read(batch, SIX)
    expansion.expand(batch)

    shown = api.get(f"/api/v1/batch/{batch.public_id}").json()

    assert [job["title"] for job in shown["jobs"]] == ["Film 4", "Film 3"]
    assert shown["skipped_jobs"] == 1


@pytest.mark.parametrize(
    ("body", "items"),
    [
        ({"max_downloads": 5, "skip_downloaded": False}, "1:5"),
        ({"max_downloads": 5}, ""),
        ({"max_downloads": 5, "skip_downloaded": False, "sort_by": "title"}, ""),
        ({"max_downloads": 5, "skip_downloaded": False, "min_views": 1}, ""),
    ],
)
def test_only_what_decides_over_entries_needs_all_of_them(api: APIClient, body: dict[str, Any], items: str) -> None:
    submit(api, **body)

    assert Extraction.objects.get().parameters == ({"items": items} if items else {})


def test_the_calls_need_a_key(anonymous: APIClient) -> None:
    assert info(anonymous).status_code == 401
    assert submit(anonymous).status_code == 401
