import threading
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from pytest_django import Settings
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import User
from jobs import services
from jobs.models import Job
from jobs.states import State
from media_api import idempotency
from media_api.models import IdempotentCall
from media_api.retention import forget_old_answers
from tests.factories import make_job, make_key, make_user

URL = "http://media.example/video.mp4"
DOWNLOADS = "/api/v1/download"


def submit(api: APIClient, key: str = "k1", path: str = DOWNLOADS, **body: Any) -> Any:
    return api.post(path, {"url": URL, **body}, format="json", headers={"Idempotency-Key": key})


def test_a_repetition_gets_the_first_answer_and_starts_nothing(api: APIClient) -> None:
    first = submit(api)

    again = submit(api, path=f"{DOWNLOADS}/")

    assert (again.status_code, again.json()) == (202, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert "Idempotent-Replayed" not in first
    assert Job.objects.count() == 1


def test_another_body_with_the_same_key_conflicts(api: APIClient) -> None:
    submit(api)

    response = submit(api, quality="720p")

    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert Job.objects.count() == 1


def test_another_key_starts_another_job(api: APIClient) -> None:
    submit(api, "k1")
    submit(api, "k2")

    assert Job.objects.count() == 2


def test_keys_of_different_people_do_not_meet(api: APIClient, anonymous: APIClient) -> None:
    _, secret = make_key(make_user())
    anonymous.credentials(HTTP_X_API_KEY=secret)

    first, other = submit(api), submit(anonymous)

    assert first.json()["request_id"] != other.json()["request_id"]


def test_an_error_is_not_kept(api: APIClient) -> None:
    assert submit(api, quality="nonsense").status_code == 422

    assert submit(api).status_code == 202


def test_a_crash_leaves_neither_job_nor_answer(api: APIClient) -> None:
    with patch("media_api.idempotency._keep", side_effect=RuntimeError("the database went away")):
        assert submit(api).status_code == 500

    assert not Job.objects.exists()
    assert submit(api).status_code == 202


def leave_unanswered(*, seconds_ago: float) -> None:
    begun_at = timezone.now() - timedelta(seconds=seconds_ago)
    IdempotentCall.objects.update(status=None, body=None, created_at=begun_at)


@pytest.mark.parametrize(("seconds_ago", "left"), [(0, {4, 5}), (3, {1, 2})])
def test_a_repetition_while_the_first_is_being_answered_is_sent_away(
    api: APIClient, seconds_ago: float, left: set[int]
) -> None:
    submit(api)
    leave_unanswered(seconds_ago=seconds_ago)

    response = submit(api)

    assert response.status_code == 409
    assert int(response["Retry-After"]) in left


def test_a_call_whose_process_died_is_done_again_after_some_seconds(api: APIClient) -> None:
    submit(api)
    leave_unanswered(seconds_ago=6)

    response = submit(api)

    assert response.status_code == 202
    assert "Idempotent-Replayed" not in response


def test_a_call_in_several_transactions_counts_as_dead_after_a_minute(api: APIClient, owner: User) -> None:
    path = f"{DOWNLOADS}/{make_job(owner).public_id}/pause"
    submit(api, path=path)
    Job.objects.update(state=State.QUEUED)
    leave_unanswered(seconds_ago=50)

    response = submit(api, path=path)

    assert response.status_code == 409
    assert 8 <= int(response["Retry-After"]) <= 10
    leave_unanswered(seconds_ago=61)
    assert submit(api, path=path).status_code == 200


def test_who_is_slow_and_was_taken_for_dead_does_nothing(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = idempotency._keep

    def keep_too_late(call: IdempotentCall, response: Response) -> None:
        call.created_at -= timedelta(seconds=6)  # as it was before somebody else took the call over
        keep(call, response)

    with monkeypatch.context() as slow:
        slow.setattr(idempotency, "_keep", keep_too_late)
        assert submit(api).status_code == 409

    assert not Job.objects.exists()
    assert IdempotentCall.objects.get().status is None, "the other one's call was touched"


def test_verbs_are_repeatable(api: APIClient, owner: User) -> None:
    job = make_job(owner, State.FAILED)
    path = f"{DOWNLOADS}/{job.public_id}/retry"

    answers = [api.post(path, headers={"Idempotency-Key": "k1"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("key", ["", "a" * 256, "with space"])
def test_a_key_that_makes_no_sense_is_refused(api: APIClient, key: str) -> None:
    response = submit(api, key)

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == "Idempotency-Key"


def test_answers_older_than_a_day_are_forgotten(api: APIClient) -> None:
    submit(api, "old")
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    submit(api, "new")

    assert forget_old_answers() == 1
    assert list(IdempotentCall.objects.values_list("key", flat=True)) == ["new"]


@pytest.mark.django_db(transaction=True)
def test_of_calls_at_the_same_time_one_starts_a_job(owner: User) -> None:
    _, secret = make_key(owner)
    statuses: list[int] = []
    start = threading.Barrier(4)

    def call() -> None:
        client = APIClient(headers={"X-API-Key": secret}, raise_request_exception=False)
        start.wait()
        statuses.append(submit(client).status_code)
        connection.close()

    with patch.object(services.queue, "wake"):
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert set(statuses) <= {202, 409}
    assert 202 in statuses
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_callers_without_a_key_do_not_share_their_keys(anonymous: APIClient, settings: Settings) -> None:
    settings.REQUIRE_API_KEY = False
    anonymous.credentials(REMOTE_ADDR="203.0.113.1")
    first = submit(anonymous)
    anonymous.credentials(REMOTE_ADDR="203.0.113.2")

    other = submit(anonymous, quality="720p")

    anonymous.credentials(REMOTE_ADDR="203.0.113.1")
    assert (first.status_code, other.status_code) == (202, 202)
    assert submit(anonymous).json()["request_id"] == first.json()["request_id"] != other.json()["request_id"]


@pytest.mark.django_db(transaction=True)
def test_a_call_whose_commit_was_cut_off_is_not_done_again(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off = [OperationalError("server closed the connection")]
    keep = idempotency._keep

    def keep_and_lose_the_answer(call: IdempotentCall, response: Response) -> None:
        keep(call, response)
        transaction.on_commit(lambda: (_ for _ in ()).throw(cut_off.pop()))

    with monkeypatch.context() as once:
        once.setattr(idempotency, "_keep", keep_and_lose_the_answer)
        assert submit(api).status_code == 503

    assert submit(api).status_code == 202
    assert Job.objects.count() == 1
