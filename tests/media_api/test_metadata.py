import csv
import io
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs.engine import reading
from jobs.extraction import asking, running
from tests.factories import make_key, make_user
from tests.media_api.pages import LIST, URL, failed_page, read_page
from tests.media_api.test_formats import wrong_fields
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db

METADATA = "/api/v1/metadata"
FIELDS = {
    "url", "metadata", "formats_available", "is_playlist", "playlist_count", "subtitles_available", "extractor",
    "extracted_at",
}  # fmt: skip
VIDEO_FIELDS = [
    "title", "description", "uploader", "uploader_id", "upload_date", "duration", "view_count", "like_count",
    "comment_count", "width", "height", "fps", "vcodec", "acodec", "thumbnail", "webpage_url", "extractor", "playlist",
    "playlist_index", "categories", "tags",
]  # fmt: skip


@pytest.mark.parametrize("path", [METADATA, f"{METADATA}/", f"{METADATA}/metadata", f"{METADATA}/metadata/"])
def test_the_metadata_of_a_page_is_told(api: APIClient, owner: User, path: str) -> None:
    read_page(owner)

    response = api.get(path, {"url": URL})

    told = response.json()
    assert response.status_code == 200, told
    assert set(told) >= FIELDS
    assert list(told["metadata"]) == VIDEO_FIELDS
    assert (told["metadata"]["uploader"], told["metadata"]["tags"]) == ("Ada", ["a", "b"])
    assert (told["formats_available"], told["is_playlist"], told["playlist_count"]) == (3, False, None)
    assert told["subtitles_available"] == ["de", "en"]
    assert told["extracted_at"].endswith("Z")
    assert "Content-Disposition" not in response


def test_a_list_tells_how_many_it_has_and_the_first(api: APIClient, owner: User) -> None:
    first = {"id": "1", "title": "First", "url": f"{URL}/1", "playlist_index": 1, "page_entry": None}
    rest = dict.fromkeys(("duration", "view_count", "uploader", "upload_date", "thumbnail"))
    as_list = {"is_playlist": True, "playlist_count": 3, "first_entry": first | rest}
    read_page(owner, found=reading.video(LIST) | as_list)

    told = api.get(METADATA, {"url": URL}).json()

    assert (told["is_playlist"], told["playlist_count"], told["formats_available"]) == (True, 3, 0)
    assert told["first_entry"]["url"] == f"{URL}/1"
    assert "page_entry" not in told["first_entry"]


def test_csv_is_a_file_that_no_spreadsheet_runs(api: APIClient, owner: User) -> None:
    read_page(owner)

    response: Any = api.get(METADATA, {"url": URL, "format": "csv"})

    assert response["Content-Type"].startswith("text/csv; charset=utf-8")
    assert response["Content-Disposition"] == 'attachment; filename="metadata.csv"'
    assert response["X-Content-Type-Options"] == "nosniff"
    [row] = csv.DictReader(io.StringIO(response.content.decode(), newline=""))
    assert row["title"] == "'=HYPERLINK(A1)"
    assert row["description"] == "Two lines,\n“quoted”"
    assert (row["url"], row["duration"], row["tags"], row["is_playlist"]) == (URL, "93.5", "a; b", "false")
    assert (row["like_count"], row["subtitles_available"]) == ("", "de; en")


def test_json_is_the_same_answer_as_a_file(api: APIClient, owner: User) -> None:
    read_page(owner)

    response = api.get(METADATA, {"url": URL, "format": "json"})

    assert response["Content-Disposition"] == 'attachment; filename="metadata.json"'
    assert response.json() == api.get(METADATA, {"url": URL}).json()


def test_who_accepts_csv_only_gets_it_and_errors_as_json(owner: User) -> None:
    _, secret = make_key(owner)
    api = APIClient(headers={"X-API-Key": secret, "Accept": "text/csv"})
    read_page(owner)
    failed_page(owner, "not_found", url=f"{URL}/gone")

    assert api.get(METADATA, {"url": URL, "format": "csv"})["Content-Type"].startswith("text/csv")
    failure = api.get(METADATA, {"url": f"{URL}/gone", "format": "csv"})
    assert failure.status_code == 502
    assert failure["Content-Type"] == "application/json"
    assert failure.json()["error"]["code"] == "METADATA_EXTRACTION_FAILED"


def test_there_are_two_kinds_of_files(api: APIClient, owner: User) -> None:
    assert wrong_fields(api.get(METADATA, {"url": URL, "format": "xml"})) == ["format"]


def test_metadata_needs_a_key(anonymous: APIClient) -> None:
    assert anonymous.get(METADATA, {"url": URL}).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_the_call_waits_for_the_worker_that_reads_the_page(
    origin: Origin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker takes the place of the wait; the rest is as in service."""
    settings.ALLOW_PRIVATE_ADDRESSES = True
    _, secret = make_key(make_user())
    wait = asking._wait

    def work_first(*arguments: Any) -> None:
        running.run_next()
        wait(*arguments)

    monkeypatch.setattr(asking, "_wait", work_first)

    response = APIClient(headers={"X-API-Key": secret}).get(METADATA, {"url": origin.url("/page.html")})

    assert response.status_code == 200, response.json()
    assert response.json()["metadata"]["title"] == "A test film"
    assert response.json()["subtitles_available"] == ["en"]
