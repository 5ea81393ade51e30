from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import User
from jobs import archive
from tests.factories import make_user

ARCHIVE = "/api/v1/archive"
TEXT = "youtube one\nvimeo 7\ngeneric a/b c\n"


def add(api: APIClient, text: str | bytes, path: str = ARCHIVE) -> Any:
    return api.post(path, text, content_type="text/plain")


def entries(api: APIClient) -> list[tuple[str, str]]:
    return [(entry["extractor"], entry["id"]) for entry in api.get(ARCHIVE).json()["results"]]


@pytest.mark.parametrize("path", [ARCHIVE, f"{ARCHIVE}/"])
def test_an_archive_comes_in_as_text(api: APIClient, owner: User, path: str) -> None:
    response = add(api, TEXT, path)

    assert (response.status_code, response.json()) == (200, {"added": 3, "known": 0, "skipped": 0, "total": 3})
    more = add(api, "youtube one\nyoutube two\n", path)
    assert more.json() == {"added": 1, "known": 1, "skipped": 0, "total": 4}
    assert set(archive.lines(owner)) == {*TEXT.splitlines(keepends=True), "youtube two\n"}


def test_an_archive_comes_in_as_a_file(api: APIClient) -> None:
    response = api.post(ARCHIVE, {"file": SimpleUploadedFile("archive.txt", TEXT.encode())}, format="multipart")

    assert response.json()["added"] == 3


def test_comments_are_skipped_and_counted(api: APIClient) -> None:
    told = add(api, "# mine since 2024\nyoutube one\n  #youtube two\n").json()

    assert told == {"added": 1, "known": 0, "skipped": 2, "total": 1}
    assert entries(api) == [("youtube", "one")]


def test_an_archive_goes_out_as_ytdlp_reads_it(api: APIClient) -> None:
    add(api, TEXT)

    response = api.get(f"{ARCHIVE}?format=txt")

    assert response["Content-Type"].startswith("text/plain")
    assert "archive.txt" in response["Content-Disposition"]
    assert b"".join(response.streaming_content).decode() == TEXT


def test_the_list_shows_ones_own_newest_first_in_pages(api: APIClient, owner: User) -> None:
    archive.add_lines(make_user(), "youtube theirs\n", field="file")
    for line in TEXT.splitlines():
        add(api, line)

    first = api.get(f"{ARCHIVE}?limit=2").json()
    second = api.get(first["next"]).json()

    shown = [(entry["extractor"], entry["id"]) for entry in [*first["results"], *second["results"]]]
    assert shown == [("generic", "a/b c"), ("vimeo", "7"), ("youtube", "one")]
    assert first["results"][0]["created_at"].endswith("Z")


@pytest.mark.parametrize("text", ["youtube one\nyoutube\n", "one\n", f"youtube {'x' * 201}\n"])
def test_a_wrong_line_refuses_all_and_is_named(api: APIClient, text: str) -> None:
    response = add(api, text)

    assert response.status_code == 422
    (detail,) = response.json()["error"]["details"]
    assert detail["field"] == "body"
    assert detail["message"].startswith(f"Line {len(text.splitlines())}:")
    assert entries(api) == []


def test_a_wrong_file_is_named_as_the_field_of_the_form(api: APIClient) -> None:
    answers = [
        api.post(ARCHIVE, {"file": SimpleUploadedFile("a.txt", content)}, format="multipart")
        for content in (b"one\n", b"\xff\xfe\n")
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert {answer.json()["error"]["details"][0]["field"] for answer in answers} == {"file"}


def test_a_body_that_is_no_text_is_refused(api: APIClient) -> None:
    assert add(api, b"\xff\xfe").status_code == 400
    assert api.post(ARCHIVE, {"file": "x"}, format="json").status_code == 415
    assert api.post(ARCHIVE, {}, format="multipart").status_code == 422


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("extractor", "video_id"), [("youtube", "one"), ("generic", "a/b c")])
def test_an_entry_can_be_removed(api: APIClient, extractor: str, video_id: str, slash: str) -> None:
    add(api, TEXT)

    response = api.delete(f"{ARCHIVE}/{extractor}/{video_id}{slash}")

    assert response.status_code == 200
    assert response.json().items() >= {"id": f"{extractor} {video_id}", "status": "deleted"}.items()
    assert (extractor, video_id) not in entries(api)
    assert len(entries(api)) == 2


def test_what_is_not_there_or_somebody_elses_cannot_be_removed(api: APIClient) -> None:
    archive.add_lines(other := make_user(), "youtube theirs\n", field="file")

    answers = [api.delete(f"{ARCHIVE}/youtube/{name}") for name in ("theirs", "unknown", "%00")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"NOT_FOUND"}
    assert list(archive.lines(other)) == ["youtube theirs\n"]


@pytest.mark.parametrize(("query", "field"), [("format=csv", "format"), ("limit=0", "limit"), ("x=1", "x")])
def test_a_wrong_query_is_refused(api: APIClient, query: str, field: str) -> None:
    response = api.get(f"{ARCHIVE}?{query}")

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == field


def test_the_calls_need_a_key(anonymous: APIClient) -> None:
    assert anonymous.get(ARCHIVE).status_code == 401
    assert add(anonymous, TEXT).status_code == 401
