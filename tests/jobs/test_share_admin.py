from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from jobs import shares
from jobs.errors import NotFound
from jobs.states import State
from tests.factories import make_file, make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def test_an_operator_sees_links_and_revokes_them(browser: Client) -> None:
    issued = shares.issue(make_file(make_job(None, State.COMPLETED)), timedelta(hours=1))
    links = reverse("admin:jobs_sharelink_changelist")
    assert issued.link.public_id in browser.get(links).content.decode()

    browser.post(links, {"action": "revoke", "_selected_action": [issued.link.pk]})

    with pytest.raises(NotFound):
        shares.shared(issued.token)


def test_an_operator_changes_nothing_else_there(browser: Client) -> None:
    assert browser.get(reverse("admin:jobs_sharelink_add")).status_code == 403
