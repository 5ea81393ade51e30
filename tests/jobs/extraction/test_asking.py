"""Questions about pages: which of them is a new one, and how long a caller waits."""

import subprocess
import sys
import threading
import time

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import CookieJar, User
from accounts.vault import Sealed
from jobs import extraction
from jobs.errors import ExtractionFailed, ExtractionTimeout, LinkRefused, QueueFull
from jobs.extraction import asking
from jobs.models import Extraction
from jobs.states import BatchKind, ExtractionState
from tests.factories import make_batch, make_extraction, make_user
from tests.jobs.extraction.pages import ENTRIES, URL, VIDEO, fresh

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_question_waits_for_a_worker_and_wakes_one(owner: User, wakes: list[str]) -> None:
    row = extraction.ask(owner, ENTRIES, URL, parameters={"items": "1:20"})

    assert (row.state, row.owner, row.kind, row.url, row.parameters) == (
        ExtractionState.QUEUED,
        owner,
        ENTRIES,
        URL,
        {"items": "1:20"},
    )
    assert wakes == ["wake"]


def test_an_equal_question_gets_the_row_that_waits(owner: User, wakes: list[str]) -> None:
    first = extraction.ask(owner, VIDEO, URL)

    assert extraction.ask(owner, VIDEO, URL) == first
    assert wakes == ["wake"]


def test_a_fresh_answer_is_given_at_once_and_an_old_one_is_not(owner: User) -> None:
    first = extraction.ask(owner, VIDEO, URL)
    Extraction.objects.filter(pk=first.pk).update(**fresh())

    assert extraction.ask(owner, VIDEO, URL) == first
    assert extraction.answer(extraction.ask(owner, VIDEO, URL), seconds=0) == {"told": True}
    Extraction.objects.filter(pk=first.pk).update(expires_at=timezone.now())
    assert extraction.ask(owner, VIDEO, URL) != first


def test_who_asks_for_what_with_which_cookies_makes_the_question(owner: User) -> None:
    jar = CookieJar.objects.create(owner=owner, name="one", content=Sealed.of(""))
    rows = {
        extraction.ask(owner, VIDEO, URL),
        extraction.ask(make_user(), VIDEO, URL),
        extraction.ask(owner, ENTRIES, URL),
        extraction.ask(owner, VIDEO, f"{URL}?"),
        extraction.ask(owner, VIDEO, URL, parameters={"items": "1"}),
        extraction.ask(owner, VIDEO, URL, cookie_jar=jar),
    }

    assert len(rows) == 6


def test_two_equal_questions_cannot_wait_side_by_side(owner: User) -> None:
    make_extraction(owner, question="same")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_extraction(owner, question="same")
    make_extraction(owner, question="same", batch=make_batch(owner, kind=BatchKind.METADATA))


def test_who_asks_the_same_at_the_same_moment_shares_the_row(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    equal = asking._equal
    other: list[Extraction] = []

    def late(question: str) -> Extraction | None:
        if other:
            return equal(question)
        other.append(make_extraction(owner, question=question))
        return None

    monkeypatch.setattr(asking, "_equal", late)

    assert [extraction.ask(owner, VIDEO, URL)] == other


def test_a_link_that_the_installation_refuses_is_not_asked_about(owner: User, settings: Settings) -> None:
    settings.ALLOWED_DOMAINS = ["elsewhere.example"]

    with pytest.raises(LinkRefused):
        extraction.ask(owner, VIDEO, URL)
    assert not Extraction.objects.exists()


def test_only_so_many_questions_may_wait(owner: User, settings: Settings) -> None:
    settings.EXTRACTION_QUEUE_LIMIT = 1
    extraction.ask(owner, VIDEO, URL)

    assert extraction.ask(owner, VIDEO, URL)
    with pytest.raises(QueueFull):
        extraction.ask(owner, VIDEO, f"{URL}2")


def test_the_answer_comes_as_soon_as_it_is_there(owner: User) -> None:
    row = make_extraction(owner)

    def answer() -> None:
        time.sleep(0.1)
        Extraction.objects.filter(pk=row.pk).update(**fresh())
        connection.close()

    worker = threading.Thread(target=answer)
    worker.start()
    started = time.monotonic()
    told = extraction.answer(row, seconds=30)
    worker.join()

    assert told == {"told": True}
    assert time.monotonic() - started < 5


def test_who_waits_in_vain_is_told_so(owner: User) -> None:
    with pytest.raises(ExtractionTimeout):
        extraction.answer(make_extraction(owner), seconds=0.05)


def test_a_failure_is_told_with_its_code(owner: User) -> None:
    row = make_extraction(owner, state=ExtractionState.FAILED, error_code="drm", error="Protected.")

    with pytest.raises(ExtractionFailed, match="Protected") as caught:
        extraction.answer(row)
    assert caught.value.code == "drm"


def test_a_site_that_took_too_long_is_a_timeout(owner: User) -> None:
    row = make_extraction(owner, state=ExtractionState.FAILED, error_code="timeout", error="Too slow.")

    with pytest.raises(ExtractionTimeout, match="Too slow"):
        extraction.answer(row)


def test_callers_who_wait_leave_threads_to_the_others(owner: User, settings: Settings) -> None:
    settings.WEB_THREADS = 2
    row = make_extraction(owner)
    place = asking._places(1)

    assert place.acquire(blocking=False)
    try:
        with pytest.raises(QueueFull):
            extraction.answer(row, seconds=0.05)
    finally:
        place.release()


def test_asking_loads_no_engine() -> None:
    script = (
        "import os, sys, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "django.setup()\n"
        "import media_api.urls\n"
        "sys.exit('yt_dlp' in sys.modules or 'jobs.engine.supervisor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
