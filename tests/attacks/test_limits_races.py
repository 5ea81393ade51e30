"""Calls that arrive together at a limit: none slips through because the others are not counted yet."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from accounts import cookies, key_pages
from accounts.models import ApiKey, CookieJar, User
from jobs import extraction, services, shares
from jobs.engine.contract import Options
from jobs.errors import QueueFull, StateConflict
from jobs.extraction import many
from jobs.models import Extraction, Job, ShareLink
from jobs.services import Submission
from jobs.states import ExtractionKind, State
from tests.factories import make_file, make_job, make_user

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS, LIMIT = 12, 5
JAR = "# Netscape HTTP Cookie File\n.media.example\tTRUE\t/\tFALSE\t0\ta\tb\n"


def at_once(act: Callable[[int], object], refusal: type[Exception]) -> int:
    """How many of the callers, all at the same moment, were not refused."""
    start, admitted = threading.Barrier(CALLERS), []

    def call(number: int) -> None:
        try:
            start.wait(30)
            act(number)
            admitted.append(number)
        except refusal:
            pass
        finally:
            connection.close()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    return len(admitted)


def test_the_queue_takes_no_more_than_its_limit(settings: Settings) -> None:
    settings.QUEUE_LIMIT = LIMIT
    owners = [make_user() for _ in range(CALLERS)]
    submission = Submission(url="https://media.example/v", options=Options())

    admitted = at_once(lambda number: services.submit(owners[number], submission), QueueFull)

    assert admitted == Job.objects.count() == LIMIT


def test_no_more_pages_wait_to_be_read_than_allowed(settings: Settings) -> None:
    settings.EXTRACTION_QUEUE_LIMIT = LIMIT
    owner = make_user()

    def ask(number: int) -> None:
        links = [f"https://media.example/{number}/{page}" for page in range(2)]
        if number % 2:
            extraction.ask(owner, ExtractionKind.VIDEO, links[0])
        else:
            many.submit(owner, links, cookie_jar=None, api_key=None)

    at_once(ask, QueueFull)

    assert LIMIT - 1 <= Extraction.objects.count() <= LIMIT


def test_an_owner_has_no_more_jars_than_allowed(settings: Settings) -> None:
    settings.MAX_COOKIE_JARS = LIMIT
    owner = make_user()

    admitted = at_once(lambda number: cookies.store(owner, f"jar-{number}", JAR), cookies.TooManyJars)

    assert admitted == CookieJar.objects.count() == LIMIT


def test_a_person_has_no_more_keys_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_pages, "MOST_KEYS", LIMIT)
    owner = make_user()

    def ask(_number: int) -> None:
        form = key_pages.NewKeyForm({"name": "a program", "scope": "read", "days": ""}, user=User(pk=owner.pk))
        if key_pages.issued_by(form) is None:
            raise StateConflict

    admitted = at_once(ask, StateConflict)

    assert admitted == ApiKey.objects.count() == LIMIT


def test_a_file_has_no_more_links_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MOST_OF_ONE_FILE", LIMIT)
    file = make_file(make_job(make_user(), State.COMPLETED))

    admitted = at_once(lambda _: shares.issue(file, timedelta(hours=1)), StateConflict)

    assert admitted == ShareLink.objects.count() == LIMIT
