"""Callers who want more than their share: of calls, of bytes, of anything that a request can hold."""

import multiprocessing
import multiprocessing.synchronize
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as service
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.http import HttpRequest
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from accounts import attempts
from accounts.models import User
from jobs.models import Job
from media_api import throttling
from tests.factories import make_job, make_key
from tests.redis import running_redis

pytestmark = pytest.mark.django_db

DOWNLOADS = "/api/v1/download"
BATCH = "/api/v1/batch/download"
URL = "https://media.example/v"
PROCESSES, CALLS, LIMIT = 4, 30, 50


@pytest.fixture
def api(owner: User) -> APIClient:
    return APIClient(raise_request_exception=False, headers={"X-API-Key": make_key(owner)[1]})


@pytest.fixture
def strangers(settings: Settings) -> APIClient:
    """Callers without a key, two of whose calls a minute are answered."""
    settings.REQUIRE_API_KEY, settings.RATE_LIMIT_PER_MINUTE = False, 2
    return APIClient(raise_request_exception=False)


@pytest.fixture
def on_redis(settings: Settings, tmp_path: Path) -> Iterator[None]:
    with running_redis(tmp_path) as url:
        redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
        settings.CACHES = settings.CACHES | {"default": redis}
        yield


# --- calls ---


def test_processes_at_once_get_no_call_more_than_the_limit(transactional_db: None, settings: Settings) -> None:
    """On the database that the suite runs on: SQLite, then PostgreSQL."""
    assert admitted_to_all(settings) == LIMIT


def test_processes_at_once_get_no_call_more_than_the_limit_on_redis(
    transactional_db: None, settings: Settings, on_redis: None
) -> None:
    assert admitted_to_all(settings) == LIMIT


def admitted_to_all(settings: Settings) -> int:
    """Calls that one caller got through in several processes together."""
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_PER_HOUR = 0, LIMIT
    connections.close_all()
    context = multiprocessing.get_context("fork")
    start, admitted = context.Event(), context.SimpleQueue()
    callers = [context.Process(target=call_often, args=(start, admitted)) for _ in range(PROCESSES)]
    for process in callers:
        process.start()
    start.set()
    for process in callers:
        process.join(60)
    return sum(admitted.get() for _ in callers)


def call_often(start: multiprocessing.synchronize.Event, admitted: Any) -> None:
    """What each process does; leaves without the parent's clean-up."""
    start.wait()
    request = Request(APIRequestFactory().get("/", REMOTE_ADDR="203.0.113.77"))
    request.user, request.auth = AnonymousUser(), None
    admitted.put(sum(not throttling.count(request)[0].is_exceeded for _ in range(CALLS)))
    connections.close_all()
    os._exit(0)


def test_sign_ins_are_counted_and_forgiven_on_redis(settings: Settings, on_redis: None) -> None:
    settings.SIGN_IN_ATTEMPTS = 2
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "203.0.113.78"

    for _ in range(5):
        attempts.begin(request, "right").forgive()
    waits = [attempts.begin(request, "wrong").wait_seconds for _ in range(3)]

    assert waits[:2] == [0, 0]
    assert 1 <= waits[2] <= 60


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "Client-IP"],
)
def test_no_header_makes_a_caller_somebody_else(strangers: APIClient, header: str) -> None:
    answers = [strangers.get(DOWNLOADS, headers={header: f"198.51.100.{n}"}).status_code for n in range(3)]

    assert answers == [200, 200, 429]


def test_behind_a_trusted_proxy_what_a_client_wrote_in_front_changes_nothing(
    strangers: APIClient, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]

    answers = [
        strangers.get(DOWNLOADS, headers={"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.5"}).status_code
        for n in range(3)
    ]

    assert answers == [200, 200, 429]


def test_an_ipv6_network_is_one_caller(strangers: APIClient) -> None:
    answers = [strangers.get(DOWNLOADS, REMOTE_ADDR=f"2001:db8::{n}").status_code for n in range(3)]

    assert answers == [200, 200, 429]


def test_wrong_keys_are_counted_for_who_guesses(strangers: APIClient) -> None:
    answers = [strangers.get(DOWNLOADS, headers={"X-API-Key": f"mdl_{n}"}).status_code for n in range(3)]

    assert answers == [401, 401, 429]


def test_one_key_has_one_count_however_it_is_sent(owner: User, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    _, secret = make_key(owner)
    ways = ({"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}, {"X-API-Key": f" {secret} "})

    answers = [APIClient().get(DOWNLOADS, headers=headers).status_code for headers in ways]

    assert answers == [200, 200, 429]


@pytest.mark.parametrize("path", [f"{DOWNLOADS}/", "/api/v1/downloads", "/api/v1/batch", "/api/v1/quota"])
def test_no_other_address_has_another_count(path: str, strangers: APIClient) -> None:
    strangers.get(DOWNLOADS)
    strangers.get(DOWNLOADS)

    assert strangers.get(path).status_code == 429


def test_refused_calls_change_nothing(api: APIClient, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    api.get(DOWNLOADS)

    assert api.post(DOWNLOADS, {"url": URL}, format="json").status_code == 429
    assert not Job.objects.exists()


# --- sizes ---


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("path", [DOWNLOADS, BATCH, "/api/v1/cookies", "/api/v1/webhooks", "/api/v1/archive"])
def test_a_body_above_the_limit_is_not_read(api: APIClient, settings: Settings, path: str, kind: str) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    body = b'{"url": "' + b"a" * 2000 + b'"}'

    response = api.generic("POST", path, body, content_type=kind)

    assert response.status_code == 413, response.content
    assert response.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (DOWNLOADS, {"url": "https://media.example/" + "a" * service.LONGEST_URL}, "url"),
        (DOWNLOADS, {"url": URL, "subtitle_languages": ["en"] * 21}, "subtitle_languages"),
        (DOWNLOADS, {"url": URL, "custom_format": "(" * 2000}, "custom_format"),
        (DOWNLOADS, {"url": URL, "path_template": "a/" * 2000 + "{id}.{ext}"}, "path_template"),
        (DOWNLOADS, {"url": URL, "webhook_url": "https://a.example/" + "a" * service.LONGEST_URL}, "webhook_url"),
        (DOWNLOADS, {"url": URL, "timeout_sec": 10**30}, "timeout_sec"),
        (DOWNLOADS, {"url": URL, "priority": 10**400}, "priority"),
        (BATCH, {"urls": [f"{URL}{n}" for n in range(101)]}, "urls"),
        (BATCH, {"urls": []}, "urls"),
        (BATCH, {"urls": [URL], "concurrent_limit": 11}, "concurrent_limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_field_takes_more_than_its_bound(api: APIClient, path: str, body: dict[str, Any], field: str) -> None:
    response = api.post(path, body, format="json")

    assert response.status_code == 422, response.content
    assert response.json()["error"]["details"][0]["field"].startswith(field)
    assert not Job.objects.exists()


HOSTILE_BODIES = {
    "a deep list": b"[" * 100_000,
    "a deep object": b'{"a":' * 50_000,
    "a deep, closed list": b'{"url": ' + b"[" * 900 + b"]" * 900 + b"}",
    "not a number": b'{"url": "https://a.example/", "priority": NaN}',
    "infinity": b'{"url": "https://a.example/", "priority": Infinity}',
    "a long number": b'{"url": "https://a.example/", "priority": ' + b"9" * 10_000 + b"}",
    "a NUL": b'{"url": "https://a.example/\\u0000"}',
    "half a pair": b'{"url": "https://a.example/\\ud800"}',
    "no text": b"\xff\xfe\x00",
    "UTF-16": '{"url": "https://a.example/"}'.encode("utf-16"),
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "nothing": b"",
    "two values": b"{}{}",
}


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES.keys())
@pytest.mark.parametrize("path", [DOWNLOADS, BATCH, "/api/v1/webhooks"])
def test_no_body_breaks_the_service(api: APIClient, path: str, body: bytes) -> None:
    response = api.generic("POST", path, body, content_type="application/json")

    assert response.status_code in (400, 422), response.content
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "query",
    ["cursor=" + "a" * 5000, "q=%00", "host=%00", "status=" + "a" * 3000, "created_after=9999999999", "page_size=1e9"],
)
def test_no_query_breaks_the_service(api: APIClient, query: str) -> None:
    assert api.get(f"{DOWNLOADS}?{query}").status_code in (200, 422)


def test_a_form_of_ten_thousand_fields_is_refused(api: APIClient) -> None:
    body = "&".join(f"a{n}=1" for n in range(10_000))

    response = api.generic("POST", DOWNLOADS, body, content_type="application/x-www-form-urlencoded")

    assert response.status_code in (400, 413)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (DOWNLOADS, {f"k{n}": 1 for n in range(1000)}, "There are 980 more fields that are not known."),
        (DOWNLOADS, {"subtitle_languages": [1] * 1000}, "Ensure this field has no more than 20 elements."),
        (BATCH, {"urls": [1] * 1000}, "Ensure this field has no more than 100 elements."),
        ("/api/v1/webhooks", {"events": [1] * 1000}, "Ensure this field has no more than 6 elements."),
    ],
    ids=["unknown fields", "languages", "links", "events"],
)
def test_not_everything_in_a_long_body_is_looked_at(api: APIClient, path: str, body: dict[str, Any], said: str) -> None:
    """Two megabytes of it kept a process busy for forty seconds."""
    response = api.post(path, {"url": URL, **body}, format="json")

    details = response.json()["error"]["details"]
    assert response.status_code == 422
    assert len(details) <= 25
    assert said in [one["message"] for one in details]


@pytest.mark.parametrize("key", ["a" * 256, "", "with blank", "\u00fc"])
def test_an_idempotency_key_has_a_form(api: APIClient, key: str) -> None:
    response = api.post(DOWNLOADS, {"url": URL}, format="json", headers={"Idempotency-Key": key})

    assert response.status_code == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize("sent", ["a" * 65, "a b c d e f", "<script>alert(1)</script>", "%0d%0aX-Evil: 1"])
def test_a_request_id_that_is_no_sane_token_is_not_repeated(api: APIClient, sent: str) -> None:
    response = api.get(DOWNLOADS, headers={"X-Request-ID": sent})

    assert response["X-Request-ID"] != sent


def test_a_full_queue_takes_no_more_and_says_when_to_come_back(api: APIClient, settings: Settings) -> None:
    settings.QUEUE_LIMIT = 2
    make_job()

    assert api.post(BATCH, {"urls": [URL, f"{URL}2"]}, format="json").status_code == 503
    assert api.post(DOWNLOADS, {"url": URL}, format="json").status_code == 202
    refused = api.post(DOWNLOADS, {"url": URL}, format="json")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "QUEUE_FULL")
    assert int(refused["Retry-After"]) > 0


def test_a_batch_does_not_get_around_the_days_quota(api: APIClient, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(max_jobs_per_day=3)

    first = api.post(BATCH, {"urls": [f"{URL}{n}" for n in range(3)]}, format="json")
    second = api.post(BATCH, {"urls": [URL]}, format="json")

    assert (first.status_code, second.status_code) == (202, 429)
    assert second.json()["error"]["code"] == "QUOTA_EXCEEDED"


def test_another_key_does_not_get_around_the_owners_quota(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(max_jobs_per_day=1)
    clients = [APIClient(headers={"X-API-Key": make_key(owner)[1]}) for _ in range(2)]

    answers = [client.post(DOWNLOADS, {"url": URL}, format="json").status_code for client in clients]

    assert answers == [202, 429]


def test_the_older_api_does_not_get_around_the_quota(api: APIClient, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(max_jobs_per_day=1)

    answers = [api.post("/download", {"url": URL}, format="json").status_code for _ in range(2)]

    assert answers[0] in (200, 202)
    assert answers[1] == 429
