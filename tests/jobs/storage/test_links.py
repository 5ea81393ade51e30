"""File links to results that lie on S3: passed through, or led on to the store; and what goes with such results."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs import file_links, retention, shares, storage
from jobs.models import MediaFile, ShareLink
from jobs.states import State
from tests.factories import make_file, make_job
from tests.s3 import S3Server

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

CONTENT = bytes(range(256)) * 4096  # 1 MiB: more than one block
NAME = "Käse und Brot.mp4"


@pytest.fixture
def file(owner: User, finished: Path, on_s3: S3Server) -> MediaFile:
    finished.write_bytes(CONTENT)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    path = storage.publish(finished, storage.own_name(f"videos/{NAME}"), storage.Described(sha256=sha256))
    job = make_job(owner, State.COMPLETED, expires_at=timezone.now() + timedelta(minutes=30))
    return make_file(job, path=path, size_bytes=len(CONTENT), sha256=sha256)


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def direct(settings: Settings) -> None:
    settings.STORAGE_DIRECT_LINKS = True


def get(client: APIClient, file: MediaFile, **headers: str) -> Any:
    response: Any = client.get(file_links.path_of(file), headers=headers)
    response.body = b"".join(response)
    return response


def shared_path(token: str, file: MediaFile) -> str:
    return reverse("shared-file", args=[token, file.name])


def test_bytes_are_passed_through_with_everything_that_local_ones_have(anonymous: APIClient, file: MediaFile) -> None:
    whole = get(anonymous, file)
    part = get(anonymous, file, Range="bytes=1000-300000")
    beyond = get(anonymous, file, Range="bytes=9999999-")
    head = anonymous.head(file_links.path_of(file))

    assert (whole.status_code, hashlib.sha256(whole.body).hexdigest()) == (200, file.sha256)
    assert (part.status_code, part.body) == (206, CONTENT[1000:300001])
    assert part["Content-Range"] == f"bytes 1000-300000/{len(CONTENT)}"
    assert beyond.status_code == 416
    assert (head.status_code, head["Content-Length"]) == (200, str(len(CONTENT)))
    assert whole["ETag"] == head["ETag"] == f'"{file.sha256}"'
    assert whole["Content-Disposition"].endswith("filename*=utf-8''K%C3%A4se%20und%20Brot.mp4")


@pytest.mark.usefixtures("direct")
def test_links_may_lead_on_to_the_store_for_as_long_as_they_work(anonymous: APIClient, file: MediaFile) -> None:
    led = anonymous.get(file_links.path_of(file))
    answer = requests.get(led["Location"], headers={"Range": "bytes=-4"}, timeout=10)

    assert led.status_code == 302
    assert (answer.status_code, answer.content) == (206, CONTENT[-4:])
    assert answer.headers["Content-Disposition"].endswith("filename*=utf-8''K%C3%A4se%20und%20Brot.mp4")
    assert answer.headers["Content-Type"] == "video/mp4"
    seconds = int(led["Location"].split("X-Amz-Expires=")[1].split("&")[0])
    assert 1700 <= seconds <= 1800  # its file is kept no longer
    assert anonymous.head(file_links.path_of(file)).status_code == 200


@pytest.mark.usefixtures("direct")
def test_a_shared_link_that_leads_on_is_counted(file: MediaFile) -> None:
    issued = shares.issue(file, timedelta(hours=1))

    response = Client().get(shared_path(issued.token, file))

    assert response.status_code == 302
    assert ShareLink.objects.get().fetches == 1


def test_a_shared_link_passes_the_bytes_through(file: MediaFile) -> None:
    issued = shares.issue(file, timedelta(hours=1))

    response: Any = Client().get(shared_path(issued.token, file))

    assert b"".join(response) == CONTENT


def test_expired_results_leave_the_bucket(file: MediaFile, s3: S3Server) -> None:
    job = file.job
    job.expires_at = timezone.now() - timedelta(seconds=1)
    job.save(update_fields=["expires_at"])

    assert retention.expire_due() == 1

    assert not [key for key in s3.stored_keys() if key.endswith(file.path)]


def test_a_store_that_is_away_is_a_503_and_not_a_lost_file(
    anonymous: APIClient, file: MediaFile, settings: Settings
) -> None:
    backend = settings.STORAGES["default"]
    away = {**backend, "OPTIONS": {**backend["OPTIONS"], "endpoint_url": "http://127.0.0.1:9"}}
    settings.STORAGES = {**settings.STORAGES, "default": away}

    response = get(anonymous, file)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert response["Retry-After"]
    assert "127.0.0.1" not in response.content.decode()
