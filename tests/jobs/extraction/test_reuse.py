"""A download that goes on from what a look at its page has found."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import CookieJar, User
from accounts.vault import Sealed
from jobs import execution, extraction
from jobs.extraction import reuse
from jobs.models import Extraction
from jobs.states import State
from tests.factories import make_extraction, make_job
from tests.jobs.extraction.pages import URL, VIDEO, fresh, ran
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)


def downloaded(owner: User, url: str, **fields: Any) -> Any:
    job = make_job(owner, url=url, host="127.0.0.1", **fields)
    assert execution.run_next()
    job.refresh_from_db()
    assert job.state == State.COMPLETED, job.error
    return job


@pytest.mark.slow
def test_a_download_does_not_ask_for_the_page_again(owner: User, origin: Origin) -> None:
    extraction.ask(owner, VIDEO, origin.url("/page.html"))
    ran()

    job = downloaded(owner, origin.url("/page.html"))

    assert job.title == "A test film"
    assert len(origin.received("/page.html")) == 1


def test_what_is_known_is_unreadable_in_the_database(owner: User, origin: Origin) -> None:
    extraction.ask(owner, VIDEO, origin.url("/page.html"))
    ran()

    with connection.cursor() as cursor:
        cursor.execute("SELECT known_info FROM jobs_extraction")
        [stored] = cursor.fetchone()

    assert "video.mp4" not in str(stored)
    assert origin.url("/video.mp4") in str(extraction.known_info(make_job(owner, url=origin.url("/page.html"))))


def test_only_the_same_owner_with_the_same_cookies_profits_in_time(owner: User) -> None:
    jar = CookieJar.objects.create(owner=owner, name="one", content=Sealed.of(""))
    make_extraction(owner, url=URL, **fresh(known_info=reuse.sealed({"id": "a"})))

    assert extraction.known_info(make_job(owner, url=URL)) == {"id": "a"}
    assert extraction.known_info(make_job(url=URL)) is None
    assert extraction.known_info(make_job(owner, url=URL, cookie_jar=jar)) is None
    assert extraction.known_info(make_job(owner, url=URL, page_entry=2)) is None
    assert extraction.known_info(make_job(owner, url=f"{URL}2")) is None
    Extraction.objects.update(expires_at=timezone.now())
    assert extraction.known_info(make_job(owner, url=URL)) is None


def test_a_key_that_is_lost_costs_no_more_than_reading_the_page_again(owner: User, settings: Settings) -> None:
    make_extraction(owner, url=URL, **fresh(known_info=reuse.sealed({"id": "a"})))
    settings.ENCRYPTION_KEYS = ["0" * 43 + "="]

    assert extraction.known_info(make_job(owner, url=URL)) is None


def test_a_second_attempt_extracts_anew(owner: User) -> None:
    make_extraction(owner, url=URL, **fresh(known_info=reuse.sealed({"id": "a"})))

    assert execution.build_request(make_job(owner, url=URL, attempts=1)).known_info == {"id": "a"}
    assert execution.build_request(make_job(owner, url=URL, attempts=2)).known_info is None
