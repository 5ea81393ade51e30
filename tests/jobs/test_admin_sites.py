"""The operators' pages of spared sites and probe links."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry
from jobs import circuit
from jobs.models import ProbeLink, Site
from tests.factories import make_user

pytestmark = pytest.mark.django_db
SITES = reverse("admin:jobs_site_changelist")
PROBES = reverse("admin:jobs_probelink_changelist")
ADD = reverse("admin:jobs_probelink_add")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def test_a_held_site_is_released(browser: Client, settings: Settings) -> None:
    settings.SITE_HOLD_AFTER = 1
    circuit.note_refusal("media.example")
    assert "media.example" in browser.get(SITES).content.decode()

    text = browser.post(SITES, {"action": "release", "_selected_action": ["media.example"]}, follow=True)

    assert "Done for 1 site." in text.content.decode()
    assert not Site.objects.exists()
    assert AuditEntry.objects.get().subjects == ["media.example"]


def test_a_probe_link_is_added_in_the_operators_name(browser: Client) -> None:
    browser.post(ADD, {"url": "https://Media.example/watch", "is_active": "on"})

    probe = ProbeLink.objects.get()
    assert (probe.host, probe.owner.is_superuser) == ("media.example", True)
    assert AuditEntry.objects.get().action == "add"
    assert "media.example" in browser.get(PROBES).content.decode()


@pytest.mark.parametrize(
    "url", ["ftp://media.example/x", "https://user:pw@media.example/", "https://www.youtube.com/watch?v=1"]
)
def test_links_that_are_not_taken_are_refused_with_the_reason(browser: Client, url: str) -> None:
    response = browser.post(ADD, {"url": url, "is_active": "on"})

    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert not ProbeLink.objects.exists()


def test_a_changed_link_forgets_what_was_known_of_the_old_one(browser: Client) -> None:
    browser.post(ADD, {"url": "https://media.example/watch", "is_active": "on"})
    probe = ProbeLink.objects.get()
    ProbeLink.objects.update(failures=3, failing_since=timezone.now(), checked_at=timezone.now())

    path = reverse("admin:jobs_probelink_change", args=[probe.pk])
    assert browser.get(path).status_code == 200
    browser.post(path, {"url": "https://other.example/watch", "is_active": "on"})

    probe.refresh_from_db()
    assert (probe.host, probe.failures, probe.failing_since) == ("other.example", 0, None)


def test_a_link_is_read_at_once_when_asked(browser: Client) -> None:
    browser.post(ADD, {"url": "https://media.example/watch", "is_active": "on"})
    probe = ProbeLink.objects.get()
    ProbeLink.objects.update(due_at=timezone.now() + timedelta(hours=1))

    browser.post(PROBES, {"action": "check_now", "_selected_action": [probe.pk]})

    probe.refresh_from_db()
    assert probe.due_at <= timezone.now()
