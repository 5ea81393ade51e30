import gzip

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.states import State
from tests.factories import make_file, make_job

pytestmark = pytest.mark.django_db
ACCEPTING = {"Accept-Encoding": "gzip, br"}


def test_pages_are_compressed_for_browsers_that_take_it(client: Client, owner: User) -> None:
    client.force_login(owner)
    for _ in range(20):
        make_job(owner, State.COMPLETED)

    packed, plain = client.get("/", headers=ACCEPTING), client.get("/")

    assert (packed["Content-Encoding"], "Content-Encoding" in plain) == ("gzip", False)
    assert "Accept-Encoding" in packed["Vary"]
    assert len(gzip.decompress(packed.content)) > 5 * len(packed.content)


def test_a_list_that_was_compressed_is_known_as_unchanged(client: Client, owner: User) -> None:
    client.force_login(owner)
    make_job(owner, State.COMPLETED)
    rows = reverse("jobs:rows")
    first = client.get(rows, headers=ACCEPTING)

    again = client.get(rows, headers={**ACCEPTING, "If-None-Match": first["ETag"]})

    assert (first["Content-Encoding"], again.status_code) == ("gzip", 304)


def test_answers_for_programs_are_left_alone(client: Client, owner: User) -> None:
    make_file(make_job(owner, State.COMPLETED))

    assert "Content-Encoding" not in client.get("/api/v1/health", headers=ACCEPTING)
    assert "Content-Encoding" not in client.get("/openapi.json", headers=ACCEPTING)
