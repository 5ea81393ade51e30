from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.models import Job

pytestmark = pytest.mark.django_db

PAGE = "/accounts/defaults"
CHOSEN = {"quality": "720p", "subtitles": "de, en", "video_format": "mkv", "embed_thumbnail": "on", "priority": "7"}


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def checked(response: Any, name: str) -> bool:
    text = " ".join(response.content.decode().split())
    return f'id="{name}" checked' in text


def test_new_downloads_begin_as_their_owner_wants(browser: Client, owner: User) -> None:
    assert browser.post(PAGE, CHOSEN).status_code == 302

    home = Client()
    home.force_login(owner)
    page = home.get("/")

    assert checked(page, "quality-720p")
    assert '<option value="mkv" selected>' in page.content.decode()
    assert checked(browser.get(PAGE), "quality-720p")


def test_what_the_browser_remembers_gives_way_to_new_defaults(browser: Client) -> None:
    browser.post(reverse("jobs:submit"), {"url": "https://media.example/v", "quality": "360p"})
    assert checked(browser.get("/"), "quality-360p")

    browser.post(PAGE, CHOSEN)

    assert checked(browser.get("/"), "quality-720p")
    assert Job.objects.get().options["quality"] == "360p"


def test_the_way_back_is_one_button(browser: Client, owner: User) -> None:
    browser.post(PAGE, CHOSEN)

    browser.post(PAGE, {"reset": "1"})

    owner.refresh_from_db()
    assert owner.download_defaults == {}
    assert checked(browser.get("/"), "quality-best")


def test_what_contradicts_itself_is_told_and_not_kept(browser: Client, owner: User) -> None:
    response = browser.post(PAGE, CHOSEN | {"video_format": "avi", "subtitle_place": "within"})

    owner.refresh_from_db()
    assert (response.status_code, owner.download_defaults) == (422, {})
    assert "holds no subtitles" in response.content.decode()
