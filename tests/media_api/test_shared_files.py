from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from jobs import shares
from jobs.models import MediaFile, ShareLink
from tests.media_api.conftest import CONTENT

pytestmark = pytest.mark.django_db
Stored = Callable[..., MediaFile]


def fetch(client: APIClient, token: str, **headers: str) -> Any:
    """The response, its bytes read into `body`, so that the file is closed."""
    response = client.get(reverse("shared-file", args=[token, "film.mp4"]), headers=headers)
    response.body = b"".join(response)
    return response


def test_a_shared_file_needs_no_key_and_is_counted(anonymous: APIClient, stored: Stored) -> None:
    issued = shares.issue(stored(), timedelta(hours=1))

    response = fetch(anonymous, issued.token)

    link = ShareLink.objects.get()
    assert (response.status_code, response.body) == (200, CONTENT)
    assert "sandbox" in response["Content-Security-Policy"]
    assert (link.fetches, link.last_fetched_at is None) == (1, False)


@pytest.mark.parametrize(("wanted", "fetches"), [("bytes=0-99", 1), ("bytes=100-", 0), ("bytes=-5", 0)])
def test_only_fetches_from_the_beginning_count(anonymous: APIClient, stored: Stored, wanted: str, fetches: int) -> None:
    issued = shares.issue(stored(), timedelta(hours=1))

    assert fetch(anonymous, issued.token, Range=wanted).status_code == 206
    anonymous.head(reverse("shared-file", args=[issued.token, "film.mp4"]))

    assert ShareLink.objects.get().fetches == fetches


def test_a_link_that_does_not_work_any_more_gives_nothing(anonymous: APIClient, stored: Stored) -> None:
    file = stored()
    issued = shares.issue(file, timedelta(hours=1))
    shares.revoke(file.job.owner, issued.link.public_id)

    response = fetch(anonymous, issued.token)

    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
