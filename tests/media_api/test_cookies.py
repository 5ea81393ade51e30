import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import cookies
from accounts.cookies import TestResult
from accounts.models import CookieJar, User
from accounts.netscape import HEADER
from jobs import trials
from jobs.models import Job
from jobs.trials import Verdict
from tests.cookie_lines import SECRET, line
from tests.factories import make_job, make_user

COOKIES = "/api/v1/cookies"
FIELDS = {
    "cookie_id", "name", "created_at", "browser", "domains", "status", "expires_at", "updated_at", "last_used_at",
    "tested_at", "test_result",
}  # fmt: skip


def upload(api: APIClient, text: str = f"{HEADER}\n{line()}\n", path: str = COOKIES, **fields: Any) -> Any:
    return api.post(path, {"cookies": text, **fields}, format="json")


def refusals(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 422, response.json()
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"
    assert SECRET not in response.content.decode()
    return [(entry["field"], entry["message"]) for entry in response.json()["error"]["details"]]


def cookie_file(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("cookies.txt", text.encode(), "text/plain")


def wrong_fields(response: Any) -> list[str]:
    return [field for field, _ in refusals(response)]


@pytest.fixture
def jar(owner: User) -> CookieJar:
    return cookies.store(owner, "example", line()).jar


@pytest.mark.parametrize("path", [COOKIES, f"{COOKIES}/", "/api/v1/auth/cookies", "/api/v1/auth/cookies/"])
def test_cookies_are_stored_and_not_shown(api: APIClient, owner: User, path: str) -> None:
    response = upload(api, path=path, name="example")

    assert response.status_code == 201, response.json()
    jar, told = CookieJar.objects.get(), response.json()
    assert (jar.owner, jar.name) == (owner, "example")
    assert SECRET in jar.content.reveal()
    assert SECRET not in response.content.decode()
    assert set(told) == FIELDS | {"dropped"}
    assert re.fullmatch(r"cookie_[0-9a-f]{12,}", told["cookie_id"])
    assert (told["name"], told["domains"], told["status"], told["browser"]) == (
        "example",
        ["example.org"],
        "active",
        None,
    )
    assert told["expires_at"].endswith("Z")
    assert response["Location"] == f"http://testserver{COOKIES}/{jar.public_id}"


def test_a_file_works_too(api: APIClient) -> None:
    file = SimpleUploadedFile("cookies.txt", f"\ufeff{HEADER}\r\n#HttpOnly_{line()}\r\n".encode(), "text/plain")

    response = api.post(COOKIES, {"cookies": file, "name": "from-file"}, format="multipart")

    assert response.status_code == 201, response.json()
    assert SECRET in CookieJar.objects.get(name="from-file").content.reveal()


def test_a_file_may_be_called_file_as_in_other_uploads(api: APIClient) -> None:
    response = api.post(COOKIES, {"file": cookie_file(line()), "name": "from-file"}, format="multipart")

    assert response.status_code == 201, response.json()
    assert SECRET in CookieJar.objects.get(name="from-file").content.reveal()


@pytest.mark.parametrize("text", [line(expires="soon"), line(expires="1"), "\0"])
def test_what_is_wrong_with_a_file_is_named_as_its_field(api: APIClient, text: str) -> None:
    response = api.post(COOKIES, {"file": cookie_file(text)}, format="multipart")

    assert wrong_fields(response) == ["file"]
    assert not CookieJar.objects.exists()


def test_file_stands_for_cookies_only_in_a_form_and_not_beside_them(api: APIClient) -> None:
    both = {"file": cookie_file(line()), "cookies": line()}

    assert wrong_fields(api.post(COOKIES, both, format="multipart")) == ["cookies"]
    assert "file" in wrong_fields(api.post(COOKIES, {"file": line()}, format="json"))


def test_a_form_works_too_and_the_name_has_a_default(api: APIClient) -> None:
    response = api.post(COOKIES, {"cookies": line(value="")}, format="multipart")

    assert (response.status_code, response.json()["name"]) == (201, "default")


def test_the_same_name_replaces_the_content_and_keeps_the_id(api: APIClient) -> None:
    first = upload(api).json()

    second = upload(api, line(domain="other.example"))

    assert second.status_code == 201
    assert second.json()["cookie_id"] == first["cookie_id"]
    assert second.json()["domains"] == ["other.example"]
    assert CookieJar.objects.count() == 1


def test_expired_cookies_are_left_out_and_the_answer_says_how_many(api: APIClient) -> None:
    told = upload(api, "\n".join([line(), line(name="old", expires="1")])).json()

    assert told["dropped"] == 1


def test_each_wrong_line_is_named(api: APIClient) -> None:
    text = "\n".join([HEADER, line(), line(expires="soon"), line(), line().replace("\t", " ")])

    told = refusals(upload(api, text))

    assert told[0] == ("cookies", "line 3: the fifth field, the expiry, is a Unix time in whole seconds, or 0")
    assert told[1][1].startswith("line 5: needs 7 fields separated by tabs")
    assert not CookieJar.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "cookies"),
        ({"cookies": ""}, "cookies"),
        ({"cookies": None}, "cookies"),
        ({"cookies": ["a"]}, "cookies"),
        ({"cookies": "# nothing"}, "cookies"),
        ({"cookies": f"{SECRET}\0"}, "cookies"),
        ({"cookies": line(expires="1")}, "cookies"),
        ({"cookies": line(), "name": ""}, "name"),
        ({"cookies": line(), "name": "a b"}, "name"),
        ({"cookies": line(), "name": "a/b"}, "name"),
        ({"cookies": line(), "name": "grün"}, "name"),
        ({"cookies": line(), "name": "x" * 51}, "name"),
        ({"cookies": line(), "name": 5}, "name"),
        ({"cookies": line(), "profile": "Default"}, "profile"),
        ({"cookies": line(), "cookie": "a"}, "cookie"),
    ],
)
def test_what_is_wrong_is_named(api: APIClient, body: dict[str, Any], field: str) -> None:
    assert wrong_fields(api.post(COOKIES, body, format="json")) == [field]


def test_a_browser_is_refused_with_the_reason(api: APIClient) -> None:
    told = refusals(api.post(COOKIES, {"browser": "firefox", "profile": "default"}, format="json"))

    assert [field for field, _ in told] == ["browser", "profile", "cookies"]
    assert "no browser of yours" in told[0][1]


@pytest.mark.parametrize(("content", "why"), [(b"\xff\xfe\x00", "UTF-8"), (b"x" * 2000, "longer than 1024 bytes")])
def test_a_file_that_cannot_be_read_is_refused(api: APIClient, settings: Settings, content: bytes, why: str) -> None:
    settings.MAX_COOKIE_BYTES = 1024

    response = api.post(COOKIES, {"cookies": SimpleUploadedFile("cookies.txt", content)}, format="multipart")

    [(field, message)] = refusals(response)
    assert (field, why in message) == ("cookies", True)


def test_one_jar_too_many_is_refused(api: APIClient, jar: CookieJar, settings: Settings) -> None:
    settings.MAX_COOKIE_JARS = 1

    assert wrong_fields(upload(api, name="second")) == ["name"]
    assert upload(api, name=jar.name).status_code == 201


def test_an_upload_is_done_once_for_one_idempotency_key(api: APIClient) -> None:
    first, second = (
        api.post(COOKIES, {"cookies": line()}, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    )

    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"


def test_the_list_holds_ones_own_jars_by_name(api: APIClient, jar: CookieJar, owner: User) -> None:
    cookies.store(owner, "another", line())
    cookies.store(make_user(), "theirs", line())

    response = api.get(COOKIES)

    told = response.json()
    assert [one["name"] for one in told["cookies"]] == ["another", "example"]
    assert told["total"] == 2
    assert set(told["cookies"][0]) == FIELDS
    assert SECRET not in response.content.decode()


def test_one_jar_is_shown_with_what_became_of_it(api: APIClient, jar: CookieJar) -> None:
    cookies.note_use(jar)
    cookies.note_test(jar, TestResult.ACCEPTED)

    told = api.get(f"{COOKIES}/{jar.public_id}/").json()

    assert set(told) == FIELDS
    assert (told["cookie_id"], told["test_result"]) == (jar.public_id, "accepted")
    assert told["last_used_at"]
    assert told["tested_at"]


@pytest.mark.parametrize(("hours", "status"), [(24 * 4, "active"), (24 * 2, "expiring"), (-1, "expired")])
def test_the_status_tells_how_long_the_cookies_last(api: APIClient, jar: CookieJar, hours: int, status: str) -> None:
    ends_at = timezone.now() + timedelta(hours=hours)
    CookieJar.objects.update(expires_at=ends_at, lapses_at=ends_at)

    assert api.get(f"{COOKIES}/{jar.public_id}").json()["status"] == status


@pytest.mark.parametrize(("method", "part"), [("get", ""), ("delete", ""), ("post", "/test")])
def test_other_peoples_jars_look_like_unknown_ones(api: APIClient, method: str, part: str) -> None:
    theirs = cookies.store(make_user(), "theirs", line()).jar

    answers = [getattr(api, method)(f"{COOKIES}/{one}{part}") for one in (theirs.public_id, "cookie_unknown")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"NOT_FOUND"}
    assert CookieJar.objects.exists()


def test_a_jar_is_deleted(api: APIClient, jar: CookieJar) -> None:
    response = api.delete(f"{COOKIES}/{jar.public_id}")

    assert response.status_code == 200
    told = response.json()
    assert told.pop("timestamp").endswith("Z")
    assert told.pop("message")
    assert told == {"id": jar.public_id, "resource_type": "cookie", "status": "deleted"}
    assert not CookieJar.objects.exists()


def test_a_jar_that_a_download_needs_is_not_deleted(api: APIClient, jar: CookieJar, owner: User) -> None:
    job = make_job(owner, cookie_jar=jar)

    response = api.delete(f"{COOKIES}/{jar.public_id}")

    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert job.public_id in response.json()["error"]["message"]


def test_a_test_tells_its_result(api: APIClient, jar: CookieJar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "_verdict", lambda *_: Verdict(TestResult.REJECTED, "They are refused."))

    response = api.post(f"{COOKIES}/{jar.public_id}/test", {"url": "https://www.example.org/1"}, format="json")

    assert response.status_code == 200
    told = response.json()
    assert told.pop("tested_at").endswith("Z")
    assert told == {
        "cookie_id": jar.public_id,
        "url": "https://www.example.org/1",
        "result": "rejected",
        "message": "They are refused.",
    }
    assert api.get(f"{COOKIES}/{jar.public_id}").json()["test_result"] == "rejected"


@pytest.mark.parametrize(
    "body", [{}, {"url": "nonsense"}, {"url": "https://elsewhere.example/"}, {"url": "http://a:b@example.org/"}]
)
def test_a_test_needs_a_page_that_the_jar_is_for(api: APIClient, jar: CookieJar, body: dict[str, Any]) -> None:
    response = api.post(f"{COOKIES}/{jar.public_id}/test", body, format="json")

    assert wrong_fields(response) == ["url"]


def test_a_download_takes_ones_own_jar_and_nobody_elses(api: APIClient, jar: CookieJar) -> None:
    theirs = cookies.store(make_user(), "theirs", line()).jar

    taken = api.post("/api/v1/download", {"url": "https://example.org/", "cookies_id": jar.public_id}, format="json")
    refused = api.post(
        "/api/v1/download", {"url": "https://example.org/", "cookies_id": theirs.public_id}, format="json"
    )

    assert taken.status_code == 202
    assert Job.objects.get().cookie_jar == jar
    assert wrong_fields(refused) == ["cookies_id"]


def test_cookies_need_a_key(anonymous: APIClient, db: None) -> None:
    assert [anonymous.get(COOKIES).status_code, upload(anonymous).status_code] == [401, 401]
