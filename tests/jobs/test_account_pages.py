"""The pages on cookie jars and webhooks."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import cookies
from accounts.cookies import TestResult
from accounts.models import CookieJar, User
from jobs import trials
from jobs.models import Delivery, WebhookEndpoint
from jobs.states import DeliveryState
from jobs.trials import Verdict
from jobs.webhooks import endpoints
from jobs.webhooks.outcomes import Answer
from tests.factories import make_delivery, make_endpoint, make_job, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LINE = "media.example\tFALSE\t/\tFALSE\t2000000000\tsession\tsecret-value\n"


@pytest.fixture
def browser(client: Client, owner: User) -> Iterator[Client]:
    client.force_login(owner)
    return client


@pytest.fixture
def jar(owner: User) -> CookieJar:
    return cookies.store(owner, "site", LINE).jar


def store(browser: Client, **fields: Any) -> Any:
    return browser.post(reverse("jobs:store-jar"), {"name": "site", **fields}, follow=True)


@pytest.mark.parametrize("fields", [{"text": LINE}, {"file": SimpleUploadedFile("cookies.txt", LINE.encode())}])
def test_cookies_are_stored_from_text_and_from_a_file(browser: Client, owner: User, fields: dict[str, Any]) -> None:
    response = store(browser, **fields)

    assert CookieJar.objects.get().domains == ["media.example"]
    text = response.content.decode()
    assert "media.example" in text
    assert "secret-value" not in text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "Choose a file, or paste its content."),
        ({"text": "nonsense"}, "line 1"),
        ({"text": LINE, "name": "a b"}, "letters, digits"),
        ({"file": SimpleUploadedFile("cookies.txt", b"\xff\xfe")}, "not text in UTF-8"),
        ({"file": SimpleUploadedFile("cookies.txt", b"a" * 300_000)}, "too large"),
    ],
)
def test_what_is_no_list_of_cookies_is_told_at_its_field(browser: Client, fields: dict[str, Any], told: str) -> None:
    response = store(browser, **fields)

    assert response.status_code == 422
    assert told in response.content.decode()
    assert not CookieJar.objects.exists()


def test_a_test_tells_what_the_site_made_of_the_cookies(
    browser: Client, jar: CookieJar, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def judge(jar: CookieJar, url: str) -> Verdict:
        asked.append(url)
        return Verdict(TestResult.ACCEPTED, "The site shows the page with these cookies.")

    monkeypatch.setattr(trials, "judge", judge)

    response = browser.post(
        reverse("jobs:test-jar", args=[jar.public_id]), {"url": "https://media.example/me"}, headers=HTMX
    )

    assert asked == ["https://media.example/me"]
    assert "told is-accepted" in response.content.decode()


def test_a_page_that_the_jar_has_nothing_for_is_refused(browser: Client, jar: CookieJar) -> None:
    response = browser.post(
        reverse("jobs:test-jar", args=[jar.public_id]), {"url": "https://other.example/"}, headers=HTMX
    )

    assert "no cookies for other.example" in response.content.decode()


def test_cookies_are_deleted_unless_downloads_need_them(browser: Client, owner: User, jar: CookieJar) -> None:
    job = make_job(owner, cookie_jar=jar)
    address = reverse("jobs:delete-jar", args=[jar.public_id])

    refused = browser.post(address, headers=HTMX)
    job.delete()
    done = browser.post(address, headers=HTMX)

    assert job.public_id in refused.content.decode()
    assert (done.content, CookieJar.objects.exists()) == (b"", False)


@pytest.mark.parametrize("name", ["test-jar", "delete-jar"])
def test_other_peoples_cookies_do_not_exist(browser: Client, name: str) -> None:
    jar = cookies.store(make_user(), "site", LINE).jar

    assert browser.post(reverse(f"jobs:{name}", args=[jar.public_id])).status_code == 404
    assert CookieJar.objects.exists()


def act(browser: Client, endpoint: WebhookEndpoint, verb: str, fields: Any = None, **options: Any) -> Any:
    return browser.post(reverse("jobs:act-on-webhook", args=[endpoint.public_id, verb]), fields or {}, **options)


def test_a_new_webhook_shows_its_secret_once(browser: Client, owner: User) -> None:
    response = browser.post(
        reverse("jobs:create-webhook"), {"url": "https://hooks.example/in", "events": ["download.completed"]}
    )

    endpoint = WebhookEndpoint.objects.get()
    secret = endpoint.secret.reveal()
    assert (endpoint.owner, endpoint.events) == (owner, ["download.completed"])
    assert (response.status_code, secret in response.content.decode()) == (201, True)
    assert "no-store" in response["Cache-Control"]
    assert secret not in browser.get(reverse("jobs:webhook", args=[endpoint.public_id])).content.decode()


def test_an_address_that_may_not_be_told_is_refused_at_its_field(browser: Client) -> None:
    response = browser.post(
        reverse("jobs:create-webhook"), {"url": "http://127.0.0.1/", "events": ["download.completed"]}
    )

    assert response.status_code == 422
    assert "private or reserved" in response.content.decode()


def test_a_webhook_is_changed_paused_and_deleted(browser: Client, owner: User) -> None:
    endpoint = make_endpoint(owner)

    act(browser, endpoint, "change", {"url": "https://hooks.example/new", "events": ["download.failed"]})
    act(browser, endpoint, "toggle")

    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.events, endpoint.is_active) == (
        "https://hooks.example/new",
        ["download.failed"],
        False,
    )
    act(browser, endpoint, "remove")
    assert not WebhookEndpoint.objects.exists()


def test_a_new_secret_replaces_the_old_one(browser: Client, owner: User) -> None:
    endpoint = make_endpoint(owner)
    before = endpoint.secret.reveal()

    text = act(browser, endpoint, "rotate").content.decode()

    endpoint.refresh_from_db()
    assert endpoint.secret.reveal() != before
    assert endpoint.secret.reveal() in text


def test_a_test_message_tells_what_the_receiver_said(
    browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = endpoints.Tried(message_id="msg_1", answer=Answer(status=204, latency_ms=12))
    monkeypatch.setattr(endpoints, "try_out", lambda endpoint: tried)

    text = act(browser, make_endpoint(owner), "test", headers=HTMX).content.decode()

    assert "answered 204 within 12 ms" in text


def test_messages_are_listed_and_sent_again(browser: Client, owner: User) -> None:
    endpoint = make_endpoint(owner)
    delivery = make_delivery(owner, endpoint=endpoint, state=DeliveryState.FAILED)
    delivery.log.create(status=503, latency_ms=7, excerpt="try later")
    page = browser.get(reverse("jobs:webhook", args=[endpoint.public_id])).content.decode()

    browser.post(reverse("jobs:redeliver", args=[delivery.public_id]), headers=HTMX)

    assert [part for part in ("Given up", "503", "try later") if part not in page] == []
    assert Delivery.objects.get().state == DeliveryState.PENDING


def test_what_is_still_to_be_sent_is_not_sent_again(browser: Client, owner: User) -> None:
    delivery = make_delivery(owner, endpoint=make_endpoint(owner))

    response = browser.post(reverse("jobs:redeliver", args=[delivery.public_id]), headers=HTMX)

    assert "is still to be sent" in response.content.decode()


def test_other_peoples_webhooks_do_not_exist(browser: Client) -> None:
    endpoint = make_endpoint(make_user())
    delivery = make_delivery(endpoint.owner, endpoint=endpoint, state=DeliveryState.FAILED)

    assert browser.get(reverse("jobs:webhook", args=[endpoint.public_id])).status_code == 404
    assert act(browser, endpoint, "remove").status_code == 404
    assert browser.post(reverse("jobs:redeliver", args=[delivery.public_id])).status_code == 404


def test_a_jobs_page_tells_who_was_told_of_it(browser: Client, owner: User) -> None:
    job = make_job(owner)
    make_delivery(owner, endpoint=make_endpoint(owner), job=job)

    assert "Messages to receivers" in browser.get(reverse("jobs:job", args=[job.public_id])).content.decode()


def test_a_job_can_be_asked_for_again_with_other_options(browser: Client, owner: User) -> None:
    job = make_job(owner, url="https://media.example/v?a=1&b=2")

    text = browser.get(reverse("jobs:job", args=[job.public_id])).content.decode()

    assert "/?url=https%3A%2F%2Fmedia.example%2Fv%3Fa%3D1%26b%3D2" in text
