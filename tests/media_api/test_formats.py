from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import CookieJar, User
from accounts.vault import Sealed
from jobs.engine import reading
from jobs.extraction import asking
from jobs.models import Extraction
from tests.factories import make_user
from tests.media_api.pages import LIST, URL, failed_page, read_page

pytestmark = pytest.mark.django_db

FORMATS = "/api/v1/formats"
METADATA = "/api/v1/metadata"
FIELDS = {
    "url", "title", "duration", "thumbnail", "formats", "best_video_format", "best_audio_format", "recommended_format",
    "extractor",
}  # fmt: skip
FORMAT_FIELDS = {
    "format_id", "ext", "resolution", "fps", "vcodec", "acodec", "filesize", "tbr", "vbr", "abr", "width", "height",
    "format_note", "quality",
}  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here that anybody could wait for."""
    settings.EXTRACTION_TIMEOUT_SECONDS = 0
    monkeypatch.setattr(asking, "QUEUE_SECONDS", 0.05)


def wrong_fields(response: Any) -> list[str]:
    assert response.status_code == 422, response.json()
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"
    return [entry["field"] for entry in response.json()["error"]["details"]]


@pytest.mark.parametrize("path", [FORMATS, f"{FORMATS}/", f"{METADATA}/formats", f"{METADATA}/formats/"])
def test_the_formats_of_a_page_are_told_in_groups(api: APIClient, owner: User, path: str) -> None:
    read_page(owner)

    response = api.get(path, {"url": URL})

    told = response.json()
    assert response.status_code == 200, told
    assert set(told) >= FIELDS
    assert {name: [one["format_id"] for one in group] for name, group in told["formats"].items()} == {
        "combined": ["both"],
        "video_only": ["v2"],
        "audio_only": ["a"],
    }
    assert set(told["formats"]["combined"][0]) >= FORMAT_FIELDS
    assert (told["best_video_format"], told["best_audio_format"], told["recommended_format"]) == ("v2", "a", "v2+a")
    assert (told["url"], told["duration"], told["extractor"]) == (URL, 93.5, "generic")


def test_a_single_file_is_its_own_best_format(api: APIClient, owner: User) -> None:
    read_page(owner, found=reading.video({"format_id": "0"}, [{"format_id": "0", "ext": "mp4"}]))

    told = api.get(FORMATS, {"url": URL}).json()

    assert [one["format_id"] for one in told["formats"]["combined"]] == ["0"]
    assert (told["best_video_format"], told["best_audio_format"], told["recommended_format"]) == ("0", "0", "0")


def test_a_list_has_no_formats(api: APIClient, owner: User) -> None:
    read_page(owner, found=reading.video(LIST) | {"is_playlist": True, "playlist_count": 3})

    told = api.get(FORMATS, {"url": URL}).json()

    assert told["is_playlist"] is True
    assert told["formats"] == {"combined": [], "video_only": [], "audio_only": []}
    assert (told["best_video_format"], told["best_audio_format"], told["recommended_format"]) == (None, None, None)


@pytest.mark.parametrize("path", [FORMATS, METADATA])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "url"),
        ({"url": "not a link"}, "url"),
        ({"url": "ftp://media.example/"}, "url"),
        ({"url": f"http://media.example/{'x' * 5000}"}, "url"),
        ({"url": "http://user:secret@media.example/"}, "url"),
        ({"url": "http://www.youtube.com/watch?v=1"}, "url"),
        ({"url": URL, "cookies_id": "ck_unknown"}, "cookies_id"),
        ({"url": URL, "quality": "best"}, "quality"),
        ({"url": [URL, URL]}, "url"),
    ],
)
def test_wrong_parameters_are_named(api: APIClient, path: str, query: dict[str, Any], field: str) -> None:
    assert wrong_fields(api.get(path, query)) == [field]
    assert not Extraction.objects.exists()


@pytest.mark.parametrize("path", [FORMATS, METADATA])
@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("not_found", (502, "METADATA_EXTRACTION_FAILED")),
        ("login_required", (502, "METADATA_EXTRACTION_FAILED")),
        ("timeout", (504, "EXTRACTION_TIMEOUT")),
        ("unsupported_url", (422, "VALIDATION_ERROR")),
        ("blocked_address", (422, "VALIDATION_ERROR")),
    ],
)
def test_a_page_that_cannot_be_read_says_why(
    api: APIClient, owner: User, path: str, code: str, answer: tuple[int, str]
) -> None:
    failed_page(owner, code)

    response = api.get(path, {"url": URL})

    told = response.json()["error"]
    assert (response.status_code, told["code"]) == answer
    assert "It failed." in told["message"]
    if code != "timeout":
        assert told["details"] == [{"field": "url", "message": "It failed.", "code": code}]


def test_a_site_that_does_not_answer_is_a_504(api: APIClient) -> None:
    response = api.get(FORMATS, {"url": URL})

    assert (response.status_code, response.json()["error"]["code"]) == (504, "EXTRACTION_TIMEOUT")


def test_a_full_queue_is_a_503_that_tells_when_to_come_back(api: APIClient, settings: Settings) -> None:
    settings.EXTRACTION_QUEUE_LIMIT = 0

    response = api.get(FORMATS, {"url": URL})

    assert (response.status_code, response.json()["error"]["code"]) == (503, "QUEUE_FULL")
    assert int(response["Retry-After"]) > 0


def test_what_was_read_for_somebody_else_is_not_shown(api: APIClient) -> None:
    read_page(make_user())

    assert api.get(FORMATS, {"url": URL}).status_code == 504


def test_the_callers_own_cookie_jar_goes_along(api: APIClient, owner: User) -> None:
    jar = CookieJar.objects.create(owner=owner, name="mine", content=Sealed.of(""))
    other = CookieJar.objects.create(owner=make_user(), name="theirs", content=Sealed.of(""))

    api.get(FORMATS, {"url": URL, "cookies_id": jar.public_id})

    assert Extraction.objects.get().cookie_jar == jar
    assert wrong_fields(api.get(FORMATS, {"url": URL, "cookies_id": other.public_id})) == ["cookies_id"]


def test_formats_need_a_key(anonymous: APIClient) -> None:
    assert anonymous.get(FORMATS, {"url": URL}).status_code == 401
