from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.states import State
from tests.factories import make_file, make_job, make_user

pytestmark = pytest.mark.django_db


def address(public_id: str, end: str = "extend") -> str:
    return f"/api/v1/download/{public_id}/{end}"


@pytest.mark.parametrize("end", ["extend", "extend/"])
def test_extending_moves_the_expiry_on(api: APIClient, owner: User, end: str) -> None:
    expires_at = timezone.now() + timedelta(minutes=5)
    job = make_job(owner, State.COMPLETED, expires_at=expires_at)
    make_file(job)

    response = api.post(address(job.public_id, end))

    assert response.status_code == 200
    assert response.json()["expires_at"] == f"{expires_at + timedelta(hours=1):%Y-%m-%dT%H:%M:%S.%fZ}"


def test_a_repeated_call_with_its_key_extends_once(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.COMPLETED, expires_at=timezone.now())

    answers = [api.post(address(job.public_id), headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("state", [State.QUEUED, State.EXPIRED, State.COMPLETED])
def test_what_cannot_be_kept_longer_conflicts(api: APIClient, owner: User, state: State) -> None:
    response = api.post(address(make_job(owner, state, expires_at=None).public_id))

    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")


def test_other_peoples_files_are_not_kept_longer(api: APIClient) -> None:
    job = make_job(make_user(), State.COMPLETED, expires_at=timezone.now())

    assert api.post(address(job.public_id)).status_code == 404
