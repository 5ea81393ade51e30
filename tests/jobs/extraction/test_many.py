"""Many pages as a batch."""

import time
from typing import Any

import pytest

from accounts.models import User
from jobs import batches
from jobs.errors import StateConflict, ValuesRefused
from jobs.extraction import many, running
from jobs.models import Batch, Extraction
from jobs.states import ExtractionState, State
from tests.jobs.extraction.pages import URL, ran
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_batch_ends_with_its_last_page(owner: User, origin: Origin) -> None:
    batch = many.submit(owner, [origin.url("/video.mp4"), origin.url("/status/404")], cookie_jar=None, api_key=None)
    assert batch.state == State.QUEUED

    ran()
    batch.refresh_from_db()
    assert (batch.state, batches.counts_of(batch)) == (State.RUNNING, {"completed": 1, "queued": 1})
    ran()

    batch.refresh_from_db()
    assert batch.state == State.COMPLETED
    assert batch.completed_at is not None
    assert [page.state for page in many.pages_of(batch)] == ["completed", "failed"]


def test_a_batch_of_which_no_page_could_be_read_has_failed(owner: User, origin: Origin) -> None:
    batch = many.submit(owner, [origin.url("/status/404")], cookie_jar=None, api_key=None)

    ran()

    batch.refresh_from_db()
    assert (batch.state, batch.error) == (State.FAILED, "1 of 1 pages failed.")


def test_a_page_of_a_batch_gets_a_second_chance(owner: User, origin: Origin) -> None:
    many.submit(owner, [origin.url("/flaky/1/page.html")], cookie_jar=None, api_key=None)

    assert ran().state == ExtractionState.QUEUED
    assert ran().state == ExtractionState.COMPLETED


def test_all_links_are_accepted_or_none(owner: User) -> None:
    with pytest.raises(ValuesRefused) as caught:
        many.submit(owner, [URL, "http://u:p@a/", "ftp://a/"], cookie_jar=None, api_key=None)

    assert [refusal.field for refusal in caught.value.refusals] == ["urls.1", "urls.2"]
    assert not Batch.objects.exists()
    assert not Extraction.objects.exists()


def test_cancelling_ends_what_waits_and_what_is_read(
    owner: User, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = many.submit(
        owner, [origin.url("/stall/page.html"), origin.url("/video.mp4")], cookie_jar=None, api_key=None
    )
    look = running.look

    def cancel(row: Extraction, lease: Any) -> Any:
        assert many.cancel(batch) == 2
        return look(row, lease)

    monkeypatch.setattr(running, "look", cancel)
    started = time.monotonic()

    assert ran().state == ExtractionState.CANCELLED
    assert time.monotonic() - started < 10
    assert batch.state == State.CANCELLED
    assert running.run_next() is None
    assert origin.received("/video.mp4") == []
    with pytest.raises(StateConflict):
        many.cancel(batch)
