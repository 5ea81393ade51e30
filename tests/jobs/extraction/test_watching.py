"""Probe links and refusals with the real engine: what a site answers is what operators are told."""

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import canaries, circuit, extraction, tasks
from jobs.models import ProbeLink
from tests.jobs.extraction.pages import VIDEO, ran
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)


def watched(probe: ProbeLink) -> ProbeLink:
    """The link, read once by a worker as its schedule has it."""
    ProbeLink.objects.filter(pk=probe.pk).update(due_at=timezone.now())
    tasks.probe()
    ran()
    tasks.probe()
    probe.refresh_from_db()
    return probe


@pytest.mark.slow
def test_a_page_that_can_be_read_is_well_and_one_that_is_gone_fails_until_it_is_back(
    owner: User, origin: Origin
) -> None:
    probe = canaries.add(owner, ProbeLink(url=origin.url("/page.html")))
    assert watched(probe).checked_at is not None
    assert canaries.health_by_site() == {"127.0.0.1": True}

    ProbeLink.objects.update(url=origin.url("/status/404"))
    probe.refresh_from_db()
    for _ in range(canaries.FAILURES_TOLD):
        watched(probe)
    assert [(one.host, one.error_code) for one in canaries.failing()] == [("127.0.0.1", "not_found")]

    ProbeLink.objects.update(url=origin.url("/page.html"))
    probe.refresh_from_db()
    watched(probe)
    assert canaries.failing() == []


def test_a_page_that_answers_429_counts_against_its_site(owner: User, origin: Origin, settings: Settings) -> None:
    settings.SITE_HOLD_AFTER = 1
    extraction.ask(owner, VIDEO, origin.url("/status/429"))

    ran()

    assert list(circuit.spared().held) == ["127.0.0.1"]
