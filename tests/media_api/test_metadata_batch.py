import csv
import io
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import batches
from jobs.engine import reading
from jobs.models import Batch, Extraction
from jobs.states import BatchKind, ExtractionState, State
from tests.factories import make_batch, make_extraction, make_user
from tests.media_api.pages import FORMATS, INFO, answered, failed
from tests.media_api.test_formats import wrong_fields

pytestmark = pytest.mark.django_db

BATCHES = "/api/v1/metadata/batch"
URLS = ["http://media.example/1", "http://media.example/2"]


def start(api: APIClient, urls: Any = URLS, **body: Any) -> Any:
    return api.post(BATCHES, {"urls": urls, **body}, format="json")


def rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))


def make_over(owner: User) -> Batch:
    """A batch of two pages, one of which could not be read."""
    batch = make_batch(owner, kind=BatchKind.METADATA)
    first, second = (make_extraction(owner, batch=batch, position=n, url=url) for n, url in enumerate(URLS, 1))
    answered(first, reading.video(INFO, FORMATS))
    failed(second, "drm", "Protected.")
    batches.settle(batch)
    return batch


@pytest.mark.parametrize("path", [BATCHES, f"{BATCHES}/"])
def test_pages_are_queued_in_the_order_of_their_links(api: APIClient, owner: User, path: str) -> None:
    response = api.post(path, {"urls": URLS}, format="json")

    told = response.json()
    assert response.status_code == 202, told
    batch = Batch.objects.get(public_id=told["batch_id"])
    assert (batch.owner, batch.kind, batch.state) == (owner, BatchKind.METADATA, State.QUEUED)
    assert batch.api_key is not None
    assert response["Location"] == f"http://testserver{BATCHES}/{batch.public_id}"
    assert (told["total"], told["queued"], told["completed"]) == (2, 2, 0)
    assert [(page["position"], page["url"], page["status"]) for page in told["results"]] == [
        (1, URLS[0], "queued"),
        (2, URLS[1], "queued"),
    ]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["urls"]),
        ({"urls": []}, ["urls"]),
        ({"urls": "http://a/"}, ["urls"]),
        ({"urls": [f"http://a/{n}" for n in range(101)]}, ["urls"]),
        ({"urls": ["http://a/", "http://b/", "http://a/"]}, ["urls.2"]),
        ({"urls": ["http://a/", "nothing", 3]}, ["urls.1", "urls.2"]),
        ({"urls": ["http://a/", "http://u:p@b/", "http://youtube.com/c"]}, ["urls.1", "urls.2"]),
        ({"urls": ["http://a/"], "quality": "best"}, ["quality"]),
        ({"urls": ["http://a/"], "cookies_id": "ck_unknown"}, ["cookies_id"]),
    ],
)
def test_wrong_fields_are_named_and_nothing_is_stored(api: APIClient, body: Any, fields: list[str]) -> None:
    assert wrong_fields(api.post(BATCHES, body, format="json")) == fields
    assert not Batch.objects.exists()
    assert not Extraction.objects.exists()


def test_a_full_queue_is_a_503(api: APIClient, settings: Settings) -> None:
    settings.EXTRACTION_QUEUE_LIMIT = 1

    response = start(api)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "QUEUE_FULL")
    assert not Batch.objects.exists()


def test_a_repetition_with_the_same_key_starts_nothing(api: APIClient) -> None:
    first, again = (
        api.post(BATCHES, {"urls": URLS}, format="json", headers={"Idempotency-Key": "once"}) for _ in range(2)
    )

    assert first.json()["batch_id"] == again.json()["batch_id"]
    assert Batch.objects.count() == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_each_page_has_its_metadata_or_its_reason(api: APIClient, owner: User, slash: str) -> None:
    batch = make_over(owner)

    told = api.get(f"{BATCHES}/{batch.public_id}{slash}").json()

    assert (told["status"], told["completed"], told["failed"], told["queued"]) == ("completed", 1, 1, 0)
    done, gone = told["results"]
    assert done["result"]["metadata"]["uploader"] == "Ada"
    assert (done["error"], done["error_code"]) == (None, None)
    assert (gone["result"], gone["error"], gone["error_code"]) == (None, "Protected.", "drm")


def test_csv_has_a_line_for_each_link(api: APIClient, owner: User) -> None:
    batch = make_over(owner)

    response: Any = api.get(f"{BATCHES}/{batch.public_id}", {"format": "csv"})

    assert response["Content-Disposition"] == f'attachment; filename="{batch.public_id}.csv"'
    done, gone = rows(response)
    assert (done["position"], done["url"], done["status"], done["title"]) == (
        "1",
        URLS[0],
        "completed",
        "'=HYPERLINK(A1)",
    )
    assert (gone["url"], gone["title"], gone["error_code"], gone["error"]) == (URLS[1], "", "drm", "Protected.")


def test_json_is_a_file_too(api: APIClient, owner: User) -> None:
    batch = make_over(owner)

    response = api.get(f"{BATCHES}/{batch.public_id}", {"format": "json"})

    assert response["Content-Disposition"] == f'attachment; filename="{batch.public_id}.json"'
    assert wrong_fields(api.get(f"{BATCHES}/{batch.public_id}", {"format": "xml"})) == ["format"]


def test_cancelling_keeps_what_was_read(api: APIClient, owner: User) -> None:
    batch = make_batch(owner, kind=BatchKind.METADATA)
    answered(make_extraction(owner, batch=batch, position=1), reading.video(INFO, FORMATS))
    waiting = make_extraction(owner, batch=batch, position=2)

    response = api.delete(f"{BATCHES}/{batch.public_id}")

    assert response.status_code == 200, response.json()
    assert (response.json()["status"], response.json()["cancelled_jobs"]) == ("cancelled", 1)
    waiting.refresh_from_db()
    assert waiting.state == ExtractionState.CANCELLED
    told = api.get(f"{BATCHES}/{batch.public_id}").json()
    assert (told["completed"], told["cancelled"]) == (1, 1)
    again = api.delete(f"{BATCHES}/{batch.public_id}")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize("method", ["get", "delete"])
def test_other_peoples_batches_and_those_of_downloads_are_not_here(api: APIClient, owner: User, method: str) -> None:
    theirs = make_batch(make_user(), kind=BatchKind.METADATA)
    downloads = make_batch(owner)

    for batch_id in (theirs.public_id, downloads.public_id, "batch_unknown"):
        response = getattr(api, method)(f"{BATCHES}/{batch_id}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_a_metadata_batch_is_no_batch_of_downloads(api: APIClient, owner: User) -> None:
    batch = make_over(owner)

    assert api.get(f"/api/v1/batch/{batch.public_id}").status_code == 404


def test_batches_need_a_key(anonymous: APIClient) -> None:
    assert start(anonymous).status_code == 401
