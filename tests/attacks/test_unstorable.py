"""Characters that a database refuses, wherever people can send them: an answer, and no crash."""

import pytest
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
NUL = "\0"
ASKED = [
    "/jobs/rows?before=%00",
    "/lists/entries?url=https://media.example/v&cookies_id=a%00b",
    "/lists?url=https://media.example/v&cookies_id=a%00b",
    "/library?q=%00",
    "/finished?after=%00",
    "/admin/jobs/job/?state__exact=%00",
    "/admin/jobs/job/?q=%00",
    "/accounts/webhooks?page=%00",
]
SENT = {
    "/jobs/selected": {"verb": "cancel", "chosen": "req_%00\0"},
    "/look": {"url": "https://media.example/v", "cookies_id": NUL},
    "/jobs": {"url": "https://media.example/v", "cookies_id": NUL},
    "/lists/download": {"url": "https://media.example/v", "cookies_id": NUL},
    "/accounts/sessions/end": {"handle": NUL},
    "/accounts/keys": {"name": NUL, "scope": "read"},
}


@pytest.fixture
def page(client: Client, owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    client.force_login(owner)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("path", ASKED)
def test_no_query_breaks_a_page(path: str, page: Client) -> None:
    assert page.get(path, headers={"Accept": "text/html"}).status_code < 500


@pytest.mark.parametrize("path", SENT)
def test_no_form_breaks_a_page(path: str, page: Client) -> None:
    assert page.post(path, SENT[path]).status_code < 500
