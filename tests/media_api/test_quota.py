from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from jobs.states import State
from tests.factories import make_file, make_job

QUOTA = "/api/v1/quota"
DOWNLOADS = "/api/v1/download"
URL = "https://media.example/v"
NONE = {"limit": None, "used": 0, "remaining": None}


@pytest.mark.parametrize("path", [QUOTA, f"{QUOTA}/"])
def test_without_allowances_there_are_no_limits(api: APIClient, path: str) -> None:
    nothing = {"running_jobs": NONE, "jobs_per_day": NONE | {"frees_up_at": None}, "stored_bytes": NONE}

    assert api.get(path).json() == {"owner": nothing, "key": nothing}


def test_use_of_the_owner_and_of_the_key_are_told(api: APIClient, owner: User) -> None:
    User.objects.update(max_running_jobs=2, max_jobs_per_day=3, max_stored_bytes=5000)
    ApiKey.objects.update(max_jobs_per_day=1)
    make_job(owner, State.RUNNING)
    make_file(make_job(owner, State.COMPLETED, created_at=timezone.now() - timedelta(days=2)), size_bytes=6000)
    make_job(owner, api_key=ApiKey.objects.get())

    told = api.get(QUOTA).json()

    assert told["owner"] == {
        "running_jobs": {"limit": 2, "used": 1, "remaining": 1},
        "jobs_per_day": {"limit": 3, "used": 2, "remaining": 1, "frees_up_at": None},
        "stored_bytes": {"limit": 5000, "used": 6000, "remaining": 0},
    }
    assert told["key"]["jobs_per_day"]["remaining"] == 0
    assert told["key"]["jobs_per_day"]["frees_up_at"] is not None


def test_people_who_are_signed_in_have_no_key(owner: User) -> None:
    browser = APIClient()
    browser.force_login(owner)

    assert browser.get(QUOTA, headers={"Accept": "application/json"}).json()["key"] is None


def test_too_many_jobs_are_a_429_that_tells_when_there_is_room(api: APIClient) -> None:
    User.objects.update(max_jobs_per_day=1)
    assert api.post(DOWNLOADS, {"url": URL}, format="json").status_code == 202

    refused = api.post(DOWNLOADS, {"url": URL}, format="json")

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "QUOTA_EXCEEDED"
    assert "Your quota is 1 download(s) in 24 hours" in refused.json()["error"]["message"]
    assert int(refused["Retry-After"]) == pytest.approx(24 * 3600, abs=5)


def test_too_many_bytes_are_a_507(api: APIClient, owner: User) -> None:
    User.objects.update(max_stored_bytes=10)
    make_file(make_job(owner, State.COMPLETED), size_bytes=10)

    refused = api.post(DOWNLOADS, {"url": URL}, format="json")

    assert refused.status_code == 507
    assert refused.json()["error"]["code"] == "QUOTA_EXCEEDED"
    assert "10 bytes of stored results" in refused.json()["error"]["message"]
    assert "Retry-After" not in refused.headers


def test_a_refused_submission_is_not_remembered_by_its_idempotency_key(api: APIClient) -> None:
    User.objects.update(max_jobs_per_day=1)
    api.post(DOWNLOADS, {"url": URL}, format="json")
    key = {"Idempotency-Key": "the-same-call"}
    assert api.post(DOWNLOADS, {"url": URL}, format="json", headers=key).status_code == 429

    User.objects.update(max_jobs_per_day=2)

    assert api.post(DOWNLOADS, {"url": URL}, format="json", headers=key).status_code == 202
