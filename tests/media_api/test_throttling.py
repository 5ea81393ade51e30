import time
from unittest.mock import patch

import pytest
import time_machine
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from tests.factories import make_key, make_user

DOWNLOADS = "/api/v1/download"


@pytest.fixture(autouse=True)
def limits(settings: Settings, db: None) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 3
    settings.RATE_LIMIT_PER_HOUR = 100


def test_calls_above_the_limit_are_refused_with_true_headers(api: APIClient) -> None:
    answers = [api.get(DOWNLOADS) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert answers[3].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert int(answers[3]["X-RateLimit-Reset"]) == pytest.approx(time.time() + int(answers[3]["Retry-After"]), abs=2)


def test_after_retry_after_the_next_call_is_answered_and_not_before(api: APIClient) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for _ in range(3):
            api.get(DOWNLOADS)
        wait = int(api.get(DOWNLOADS)["Retry-After"])

        clock.shift(wait - 1)
        early = api.get(DOWNLOADS)
        clock.shift(1)
        punctual = api.get(DOWNLOADS)

    assert 1 <= wait <= 60
    assert (early.status_code, early["Retry-After"]) == (429, "1")
    assert punctual.status_code == 200


def test_each_key_has_its_own_count(api: APIClient, owner: User) -> None:
    for _ in range(4):
        api.get(DOWNLOADS)
    _, other = make_key(owner)

    assert api.get(DOWNLOADS, headers={"X-API-Key": other}).status_code == 200


def test_a_person_is_counted_wherever_they_come_from() -> None:
    person, browser = make_user(), APIClient()
    browser.force_login(person)

    answers = [browser.get(DOWNLOADS, REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(4)]

    assert answers == [200, 200, 200, 429]


def test_strangers_are_counted_by_address(anonymous: APIClient, settings: Settings) -> None:
    settings.REQUIRE_API_KEY = False
    for _ in range(4):
        refused = anonymous.get(DOWNLOADS, REMOTE_ADDR="203.0.113.1")

    other = anonymous.get(DOWNLOADS, REMOTE_ADDR="203.0.113.2")

    assert (refused.status_code, other.status_code) == (429, 200)


@pytest.mark.parametrize("path", [DOWNLOADS, "/files/file_0123456789abcdef/a.mp4", "/api/v1/metrics"])
def test_guessing_keys_is_limited_by_address(anonymous: APIClient, path: str) -> None:
    answers = [anonymous.get(path, headers={"X-API-Key": f"guess{n}"}) for n in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_the_limit_of_an_hour_counts_too(api: APIClient, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_PER_HOUR = 100, 2

    answers = [api.get(DOWNLOADS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["X-RateLimit-Limit"] == "2"
    assert 1 <= int(answers[2]["Retry-After"]) <= 3600


def test_zero_is_no_limit(api: APIClient, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_MINUTE = settings.RATE_LIMIT_PER_HOUR = 0

    answers = [api.get(DOWNLOADS) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0]


@pytest.mark.parametrize("path", ["/api/v1/health", "/version", "/openapi.json", "/files/x:y/z"])
def test_other_addresses_are_not_limited(anonymous: APIClient, path: str) -> None:
    with patch("media_api.throttling.get_usage") as counted:
        response = anonymous.get(path)

    assert response.status_code in (200, 404)
    assert not counted.called


def test_a_broken_cache_refuses_rather_than_opens(api: APIClient) -> None:
    with patch("accounts.limits.AtomicDatabaseCache.add", return_value=False):
        response = api.get(DOWNLOADS)

    assert response.status_code == 429
    assert response["Retry-After"] == "1"
