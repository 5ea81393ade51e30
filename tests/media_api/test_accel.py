from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InMemoryStorage
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient

from downloader_project.env import Environment, accel_location
from jobs.models import MediaFile
from media_api import accel
from media_api.files import link_for

Stored = Callable[..., MediaFile]


def test_the_bytes_are_left_to_the_proxy_and_nothing_else_is(
    anonymous: APIClient, stored: Stored, settings: Settings
) -> None:
    settings.ACCEL_LOCATION = "/stored/"
    file = stored(path="videos/a b%.mp4")

    response = anonymous.get(link_for(file, RequestFactory().get("/")), headers={"range": "bytes=0-3"})

    assert (response.status_code, response.content) == (200, b"")
    assert response["X-Accel-Redirect"] == "/stored/videos/a%20b%25.mp4"
    assert response["Content-Disposition"].startswith("attachment")
    assert response["Content-Type"] == file.mime_type


def test_a_link_that_opens_nothing_names_no_file(anonymous: APIClient, stored: Stored, settings: Settings) -> None:
    settings.ACCEL_LOCATION = "/stored/"
    file = stored()

    response = anonymous.get(link_for(file, RequestFactory().get("/")).replace(":", ":x"))

    assert response.status_code == 404
    assert "X-Accel-Redirect" not in response


@pytest.mark.parametrize("wrong", ["stored", "/stored", "/", "/a b/", "/../"])
def test_a_location_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("ACCEL", wrong)
    env = Environment()
    env.text("ACCEL", "", "", check=accel_location)

    with pytest.raises(ImproperlyConfigured, match="ACCEL is wrong"):
        env.stop_if_wrong()


def test_results_that_are_no_files_are_sent_from_here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ACCEL_LOCATION = "/stored/"
    assert accel.is_wanted()

    monkeypatch.setattr(accel, "storages", {"default": InMemoryStorage()})
    assert not accel.is_wanted()
