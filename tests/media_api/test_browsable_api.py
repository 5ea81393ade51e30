import json
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from jobs.models import Job
from tests.factories import make_job

DOWNLOADS = "/api/v1/download"


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    client.force_login(owner)
    return client


def page_of(response: Any) -> str:
    assert response["Content-Type"].startswith("text/html")
    return str(response.content.decode())


@pytest.mark.parametrize("address", [DOWNLOADS, "{job}", "{job}/logs", "{job}/pause"])
def test_people_who_are_signed_in_get_pages_without_anything_inline(browser: Client, owner: User, address: str) -> None:
    job = make_job(owner)

    page = page_of(browser.get(address.format(job=f"{DOWNLOADS}/{job.public_id}")))

    assert not re.search(r"<style|\sstyle=|\son\w+=\"", page)
    assert re.findall(r"<script(?![^>]*src=)[^>]*>", page) == ['<script type="application/json" id="drf_csrf">']


def test_the_raw_form_starts_with_the_defaults_and_can_be_sent_as_it_is(browser: Client) -> None:
    page = page_of(browser.get(DOWNLOADS))
    token = re.search(r'"csrfToken": "(\w+)"', page)
    raw = re.search(r'<textarea name="_content"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert token
    assert raw
    body = json.loads(raw[1].replace("&quot;", '"')) | {"url": "http://media.example/video.mp4"}

    response = browser.post(
        DOWNLOADS, json.dumps(body), content_type="application/json", headers={"X-CSRFToken": token[1]}
    )

    assert response.status_code == 202, page_of(response)
    assert body["audio_quality"] == "192"
    assert Job.objects.get().options["embed_metadata"] is True


def test_the_plain_form_works_without_scripts(browser: Client) -> None:
    page = page_of(browser.get(DOWNLOADS))
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token

    response = browser.post(
        DOWNLOADS, {"url": "http://media.example/video.mp4", "quality": "720p", "csrfmiddlewaretoken": token[1]}
    )

    assert response.status_code == 202
    assert Job.objects.get().options["quality"] == "720p"


def test_the_plain_form_preselects_the_defaults(browser: Client) -> None:
    page = page_of(browser.get(DOWNLOADS))

    assert re.search(r'<option value="192" selected\s*>', page)
    assert re.search(r'name="embed_metadata"\s+value="true"\s+checked', page)
