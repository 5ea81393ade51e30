"""What people see of sites in trouble: why their downloads wait, and from where downloads fail."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import circuit
from jobs.models import ProbeLink
from tests.factories import make_job

pytestmark = pytest.mark.django_db
ROWS = reverse("jobs:rows")


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_a_waiting_download_tells_which_site_it_waits_for(browser: Client, owner: User, settings: Settings) -> None:
    settings.SITE_HOLD_AFTER = 1
    job = make_job(owner)
    make_job(owner, host="elsewhere.example")
    first = browser.get(ROWS)

    circuit.note_refusal("media.example")

    again = browser.get(ROWS, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.content.decode().count("waits because media.example answered 429") == 1
    page = browser.get(reverse("jobs:job", args=[job.public_id])).content.decode()
    assert "waits because media.example answered 429" in page


def test_sites_that_fail_are_told_above_the_list(browser: Client, owner: User) -> None:
    make_job(owner)
    assert "fail since" not in browser.get(ROWS).content.decode()

    ProbeLink.objects.create(
        owner=owner, url="http://bad.example/v", host="bad.example", failures=2, failing_since=timezone.now()
    )

    text = " ".join(browser.get(ROWS).content.decode().split())
    assert "Downloads from bad.example fail since" in text
    assert "days old" in text
