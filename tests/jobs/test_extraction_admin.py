import pytest
from django.test import Client
from django.urls import reverse

from jobs.extraction import reuse
from tests.factories import make_extraction, make_user

pytestmark = pytest.mark.django_db

PAGES = reverse("admin:jobs_extraction_changelist")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def test_an_operator_sees_pages_and_what_they_told(browser: Client) -> None:
    row = make_extraction(answer={"told": "much"}, known_info=reuse.sealed({"id": "secret link"}))

    listed = browser.get(PAGES).content.decode()
    shown = browser.get(reverse("admin:jobs_extraction_change", args=[row.pk])).content.decode()

    assert row.public_id in listed
    assert "much" in shown
    assert "secret link" not in shown
    assert "known_info" not in shown


def test_an_operator_changes_nothing_there(browser: Client) -> None:
    row = make_extraction()

    assert browser.get(reverse("admin:jobs_extraction_add")).status_code == 403
    assert browser.post(reverse("admin:jobs_extraction_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert browser.post(reverse("admin:jobs_extraction_change", args=[row.pk]), {"url": "x"}).status_code == 403
