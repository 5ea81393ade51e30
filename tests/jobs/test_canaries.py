"""Operators' probe links: read when due, through extraction, and what their failures come to."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import canaries, figures, queries
from jobs.engine.contract import FailureCode
from jobs.errors import LinkRefused
from jobs.models import Extraction, ProbeLink
from jobs.states import ExtractionState
from tests.factories import make_extraction

pytestmark = pytest.mark.django_db


@pytest.fixture
def probe(owner: User) -> ProbeLink:
    return canaries.add(owner, ProbeLink(url="https://media.example/watch"))


def answered(probe: ProbeLink, **answer: Any) -> ProbeLink:
    """Have the link read as if a worker had answered so."""
    ProbeLink.objects.filter(pk=probe.pk).update(due_at=timezone.now())
    canaries.run()
    given = {"state": ExtractionState.COMPLETED, "answer": {}, **answer}
    asked = Extraction.objects.filter(state=ExtractionState.QUEUED)
    assert asked.update(**given, completed_at=timezone.now()) == 1
    assert canaries.is_needed()
    canaries.run()
    probe.refresh_from_db()
    return probe


def failed(probe: ProbeLink, code: FailureCode = FailureCode.FORMAT_UNAVAILABLE) -> ProbeLink:
    return answered(probe, state=ExtractionState.FAILED, error_code=code, error="It does not work.")


def test_a_due_link_is_asked_for_once_in_its_owners_name(probe: ProbeLink, owner: User) -> None:
    canaries.run()
    canaries.run()

    asked = Extraction.objects.get()
    assert (asked.owner, asked.url) == (owner, probe.url)
    assert not canaries.is_needed()


def test_it_is_never_answered_from_the_cache(probe: ProbeLink, owner: User) -> None:
    fresh = {"answer": {}, "expires_at": timezone.now() + timedelta(hours=1)}
    answered(probe)
    Extraction.objects.update(**fresh)

    ProbeLink.objects.update(due_at=timezone.now())
    canaries.run()

    assert Extraction.objects.filter(state=ExtractionState.QUEUED).count() == 1


def test_a_link_that_is_read_is_healthy_and_due_again_later(probe: ProbeLink) -> None:
    answered(probe)

    assert canaries.health_by_site() == {"media.example": True}
    assert canaries.failing() == []
    assert probe.due_at > timezone.now() + timedelta(minutes=29)


def test_the_first_failure_is_looked_into_soon_and_told_to_nobody(probe: ProbeLink) -> None:
    failed(probe)

    assert canaries.failing() == []
    assert probe.due_at <= timezone.now() + canaries.AGAIN


def test_the_second_failure_in_a_row_is_told_with_its_begin_and_the_engines_age(probe: ProbeLink) -> None:
    began = failed(probe).failing_since
    failed(probe)

    trouble = canaries.failing()

    assert [(one.host, one.since, one.error_code) for one in trouble] == [
        ("media.example", began, FailureCode.FORMAT_UNAVAILABLE)
    ]
    days = figures.age_days(queries.engine_version())
    assert trouble[0].sentence(lambda moment: "10:12") == (
        f"Downloads from media.example fail since 10:12; yt-dlp is {days} days old."
    )
    assert canaries.health_by_site() == {"media.example": False}


def test_a_success_ends_the_trouble(probe: ProbeLink) -> None:
    failed(probe)
    failed(probe)

    answered(probe)

    assert canaries.failing() == []
    assert (probe.failures, probe.failing_since, probe.error) == (0, None, "")


def test_trouble_of_this_service_is_not_blamed_on_the_site(probe: ProbeLink) -> None:
    for _ in range(3):
        failed(probe, FailureCode.DISK_FULL)

    assert probe.failures == 0
    assert canaries.failing() == []


def test_a_question_that_nobody_answers_is_waited_for(probe: ProbeLink) -> None:
    canaries.run()
    ProbeLink.objects.update(due_at=timezone.now())

    assert not canaries.is_needed()


def test_a_full_queue_puts_the_canary_off(probe: ProbeLink, owner: User, settings: Settings) -> None:
    settings.EXTRACTION_QUEUE_LIMIT = 1
    make_extraction(owner)

    canaries.run()

    probe.refresh_from_db()
    assert probe.failures == 0
    assert timezone.now() < probe.due_at <= timezone.now() + canaries.AGAIN


def test_inactive_links_and_zero_minutes_ask_nothing(probe: ProbeLink, settings: Settings) -> None:
    settings.CANARY_MINUTES = 0
    assert not canaries.is_needed()

    settings.CANARY_MINUTES = 30
    ProbeLink.objects.update(is_active=False)
    assert not canaries.is_needed()


def test_links_that_the_installation_does_not_take_are_refused(owner: User, settings: Settings) -> None:
    settings.BLOCKED_DOMAINS = ["blocked.example"]

    with pytest.raises(LinkRefused):
        canaries.add(owner, ProbeLink(url="https://blocked.example/watch"))

    assert not ProbeLink.objects.exists()
