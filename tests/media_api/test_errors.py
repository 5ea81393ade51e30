import json
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest
from django.conf import settings as configured
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.db import OperationalError
from django.test import Client
from django.test.client import FakePayload
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import User
from jobs import queries
from media_api.errors import MEANINGS, Code
from tests.factories import make_key

DOWNLOADS = "/api/v1/download"


def error_of(response: Any, status: int) -> dict[str, Any]:
    """The error in a response, after checking everything that all errors have in common."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/json")
    assert int(response.get("Content-Length", len(response.content))) == len(response.content)
    body = json.loads(response.content)
    assert body.keys() == {"error"}
    assert body["error"].keys() - {"details"} == {"code", "message", "request_id"}
    assert body["error"]["request_id"] == response["X-Request-ID"]
    assert body["error"]["code"] in set(Code)
    return dict(body["error"])


def test_every_code_is_documented() -> None:
    assert set(MEANINGS) == set(Code)


@pytest.mark.parametrize(
    "path", ["/api/", "/api", "/api/v1/nothing", "/api/v2/download", "/files/", "/files/x", "/version/x"]
)
@pytest.mark.parametrize("debug", [True, False])
def test_an_unknown_address_for_programs_is_an_envelope(
    anonymous: APIClient, settings: Settings, path: str, debug: bool
) -> None:
    settings.DEBUG = debug

    assert error_of(anonymous.get(path), 404)["code"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/nothing", "/API/v1/download", "/nothing/api/v1/download"])
@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_an_unknown_address_is_an_envelope_unless_a_page_is_asked_for(
    anonymous: APIClient, path: str, accept: str
) -> None:
    assert error_of(anonymous.get(path, headers={"Accept": accept}), 404)["code"] == "NOT_FOUND"


def test_an_unknown_address_for_people_is_a_page(anonymous: APIClient) -> None:
    response = anonymous.get("/nothing", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", [DOWNLOADS, "/api/v1/health", "/version", "/files/x:y/z"])
def test_a_wrong_method_names_the_right_ones(api: APIClient, path: str) -> None:
    response = api.put(path, {}, format="json")

    assert error_of(response, 405)["code"] == "METHOD_NOT_ALLOWED"
    assert "GET" in response["Allow"]


def test_a_missing_key_is_told_apart_from_a_wrong_one(anonymous: APIClient, db: None) -> None:
    missing, wrong = anonymous.get(DOWNLOADS), anonymous.get(DOWNLOADS, headers={"X-API-Key": "wrong"})

    assert error_of(missing, 401)["code"] == "AUTHENTICATION_REQUIRED"
    assert error_of(wrong, 401)["code"] == "INVALID_API_KEY"
    assert missing["WWW-Authenticate"] == wrong["WWW-Authenticate"] == "Bearer"


def test_a_missing_scope_is_named(anonymous: APIClient, owner: User) -> None:
    _, secret = make_key(owner, scopes=["read"])

    response = anonymous.post(DOWNLOADS, {}, format="json", headers={"X-API-Key": secret})

    error = error_of(response, 403)
    assert error["code"] == "FORBIDDEN"
    assert "write" in error["message"]


@pytest.mark.parametrize("body", ["{", "", "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass"), '{"a": NaN}'])
def test_json_that_cannot_be_read_is_a_400(api: APIClient, body: str | bytes) -> None:
    response = api.post(DOWNLOADS, body, content_type="application/json")

    if body == "":  # an empty body is an empty object: its fields are missing
        assert error_of(response, 422)["details"][0]["field"] == "url"
        return
    error = error_of(response, 400)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"][0]["field"] == "body"


@pytest.mark.parametrize("body", ['{"\\ud800": 1}', '["\\ud800"]', '"\\ud800"'])
def test_json_with_half_a_character_is_a_400(api: APIClient, body: str) -> None:
    response = api.post(DOWNLOADS, body, content_type="application/json")

    assert error_of(response, 400)["details"][0]["field"] == "body"


@pytest.mark.parametrize("value", ['"\\ud800"', '["a", {"b": "x\\udfff"}]', '{"\\ud800": 1}'])
def test_a_field_with_half_a_character_is_named(api: APIClient, value: str) -> None:
    body = f'{{"quality": "best", "url": {value}}}'

    error = error_of(api.post(DOWNLOADS, body, content_type="application/json"), 422)

    assert [entry["field"] for entry in error["details"]] == ["url"]


@pytest.mark.parametrize("body", [{"quality": "x" * 100_000}, {"y" * 100_000: 1}])
def test_what_was_sent_is_not_quoted_at_length(api: APIClient, body: dict[str, Any]) -> None:
    response = api.post(DOWNLOADS, {"url": "https://example.org/"} | body, format="json")

    assert error_of(response, 422)["details"][0]["message"].endswith((" is not a valid choice.", "no such field."))
    assert len(response.content) < 2_000


def test_an_unknown_media_type_is_a_415(api: APIClient) -> None:
    response = api.post(DOWNLOADS, "a,b", content_type="text/csv")

    assert error_of(response, 415)["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_an_answer_that_nobody_accepts_is_a_406(api: APIClient) -> None:
    assert error_of(api.get(DOWNLOADS, headers={"Accept": "text/csv"}), 406)["code"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_above_the_limit_is_a_413(api: APIClient, content_type: str) -> None:
    body = b" " * (configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)

    response = api.post(DOWNLOADS, body, content_type=content_type)

    assert error_of(response, 413)["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_body_is_not_read_for_callers_without_a_key(anonymous: APIClient, db: None, key: str) -> None:
    body = b" " * (configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)

    with patch.object(WSGIRequest, "body", PropertyMock(side_effect=AssertionError)):
        response = anonymous.post(DOWNLOADS, body, content_type="application/json", headers={"X-API-Key": key})

    error_of(response, 401)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_signed_in_persons_body_above_the_limit_is_a_413(owner: User, content_type: str, accept: str) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(owner)
    body = b" " * (configured.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)

    response = browser.post(DOWNLOADS, body, content_type=content_type, headers={"Accept": accept})

    assert response.status_code == 413


def test_a_body_that_stops_coming_is_a_408(api: APIClient) -> None:
    with patch.object(FakePayload, "read", side_effect=TimeoutError("timed out")):
        response = api.post(DOWNLOADS, "{}", content_type="application/json")

    assert error_of(response, 408)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("path", [DOWNLOADS, "/files/file_1/x"])
def test_a_database_that_does_not_answer_is_a_503(api: APIClient, path: str, caplog: pytest.LogCaptureFixture) -> None:
    with patch.object(keys, "recognise", side_effect=OperationalError("database is locked")):
        response = api.get(path)

    assert error_of(response, 503)["code"] == "SERVICE_UNAVAILABLE"
    assert int(response["Retry-After"]) > 0
    assert b"locked" not in response.content
    assert "database is locked" in caplog.text


@pytest.mark.parametrize("path", ["/version", "/accounts/login"])
def test_a_database_that_does_not_answer_a_middleware_is_a_503(anonymous: APIClient, path: str) -> None:
    with patch.object(SessionMiddleware, "process_response", side_effect=OperationalError("database is locked")):
        response = anonymous.get(path)

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0


def test_a_host_that_is_not_ours_is_a_400(api: APIClient) -> None:
    assert error_of(api.get(DOWNLOADS, headers={"Host": "evil.example"}), 400)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("debug", [True, False])
def test_a_crash_tells_nothing_and_is_logged_with_its_traceback(
    api: APIClient, settings: Settings, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    settings.DEBUG = debug
    secret = "/srv/secret/path SELECT * FROM users"

    with patch.object(queries, "visible_to", side_effect=RuntimeError(secret)):
        response = api.get(DOWNLOADS)

    assert error_of(response, 500)["code"] == "INTERNAL_SERVER_ERROR"
    assert b"secret" not in response.content
    assert any(record.exc_info and secret in str(record.exc_info[1]) for record in caplog.records)


def test_a_crash_of_a_file_link_is_an_envelope_too(api: APIClient) -> None:
    with patch.object(queries, "servable_file", side_effect=RuntimeError("secret")):
        response = api.get("/files/file_1/x")

    assert error_of(response, 500)["code"] == "INTERNAL_SERVER_ERROR"


def test_a_session_without_a_csrf_token_is_a_403(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)

    response = browser.post(DOWNLOADS, "{}", content_type="application/json")

    assert error_of(response, 403)["code"] == "FORBIDDEN"


def test_a_browser_without_a_session_gets_json_errors(anonymous: APIClient, db: None) -> None:
    response = anonymous.get(DOWNLOADS, headers={"Accept": "text/html,*/*;q=0.8"})

    assert error_of(response, 401)["code"] == "AUTHENTICATION_REQUIRED"


@pytest.mark.parametrize("request_id", ["my-own-request-1", "7", "01HF:a/b=", "a" * 64])
def test_the_callers_own_request_id_is_kept(api: APIClient, request_id: str) -> None:
    response = api.get("/api/v1/nothing", headers={"X-Request-ID": request_id})

    assert error_of(response, 404)["request_id"] == response["X-Request-ID"] == request_id


@pytest.mark.parametrize(
    "path", ["/api/v1/download/%00", "/api/v1/download/..%2f..%2fetc", "/files/%00/x", "/files/a%0d%0ab:c/x"]
)
def test_hostile_addresses_are_not_found(api: APIClient, path: str) -> None:
    error_of(api.get(path), 404)


@pytest.mark.parametrize("path", ["download", "batch", "archive", "cookies", "webhooks", "webhooks/deliveries"])
def test_an_unknown_parameter_of_a_list_is_named(api: APIClient, path: str) -> None:
    error = error_of(api.get(f"/api/v1/{path}", {"statsu": "queued"}), 422)

    assert [entry["field"] for entry in error["details"]] == ["statsu"]


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [("download", "q", "caf%E9"), ("formats", "url", "http://media.example/caf%E9.mp4"), ("archive", "cursor", "%FF")],
)
def test_a_parameter_that_is_no_text_is_named(api: APIClient, path: str, field: str, value: str) -> None:
    error = error_of(api.get(f"/api/v1/{path}?{field}={value}"), 422)

    assert error["details"][0] == {"field": field, "message": "This is not text in UTF-8."}
