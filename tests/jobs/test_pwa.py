import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs.models import Job
from jobs.states import State
from tests.factories import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def finished(browser: Client, **query: str) -> Any:
    return browser.get("/finished", query).json()


def test_the_manifest_names_the_app_and_icons_that_exist(client: Client, settings: Settings) -> None:
    settings.APP_NAME = "My media"

    response = client.get("/manifest.webmanifest")

    told = json.loads(response.content)
    assert response["Content-Type"] == "application/manifest+json"
    assert (told["name"], told["share_target"]["action"]) == ("My media", "/share")
    icons = [Path(configured.BASE_DIR, icon["src"].lstrip("/")) for icon in told["icons"]]
    assert [icon.is_file() for icon in icons] == [True] * 3
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}


def test_the_service_worker_stands_at_the_root_and_keeps_the_offline_page(client: Client) -> None:
    response = client.get("/sw.js")

    text = response.content.decode()
    assert response["Content-Type"].startswith("text/javascript")
    assert "no-cache" in response["Cache-Control"]
    assert 'const OFFLINE = "/offline"' in text
    assert "js/outbox" in text


def test_the_offline_page_is_the_same_for_everybody(browser: Client) -> None:
    pages = [each.get("/offline").content for each in (browser, Client())]

    assert pages[0] == pages[1]
    assert b"data-offline-form" in pages[0]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"url": "https://media.example/v"}, "/?url=https%3A%2F%2Fmedia.example%2Fv"),
        ({"text": "See https://media.example/v?a=1."}, "/?url=https%3A%2F%2Fmedia.example%2Fv%3Fa%3D1"),
        ({"title": "https://media.example/v", "url": ""}, "/?url=https%3A%2F%2Fmedia.example%2Fv"),
        ({"text": "no link"}, "/"),
        ({"url": "javascript:alert(1)"}, "/"),
    ],
)
def test_what_is_shared_is_filled_in_on_the_first_page(client: Client, query: dict[str, str], place: str) -> None:
    assert client.get("/share", query)["Location"] == place


def test_what_finished_since_is_told_once(browser: Client, owner: User) -> None:
    start = finished(browser)
    ready = make_job(owner, State.COMPLETED, title="Boats")
    failed = make_job(owner, State.FAILED)
    make_job(None, State.COMPLETED)

    told = finished(browser, after=start["now"])

    assert [(job["id"], job["is_ready"]) for job in told["finished"]] == [
        (ready.public_id, True),
        (failed.public_id, False),
    ]
    assert finished(browser, after=told["now"])["finished"] == []


@pytest.mark.parametrize("after", ["", "nonsense", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00"])
def test_without_a_moment_nothing_is_old_news(browser: Client, owner: User, after: str) -> None:
    make_job(owner, State.COMPLETED)

    assert finished(browser, after=after)["finished"] == []


def test_long_ago_is_no_news(browser: Client, owner: User) -> None:
    job = make_job(owner, State.COMPLETED)
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - timedelta(hours=2))

    assert finished(browser, after="2020-01-01T00:00:00+00:00")["finished"] == []


@pytest.mark.parametrize(("state", "goes_on"), [(State.RUNNING, True), (State.COMPLETED, False)])
def test_it_is_told_whether_anything_goes_on(browser: Client, owner: User, state: State, goes_on: bool) -> None:
    make_job(owner, state)

    assert finished(browser)["goes_on"] is goes_on
