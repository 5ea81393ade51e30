"""Pictures of other sites, against a real server on loopback that answers as told."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs import thumbnails
from jobs.thumbnails import NoPicture, picture_of, token_of
from jobs.views.thumbnails import NOTHING
from tests.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 100
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 100
IMAGES = {
    "image/jpeg": JPEG,
    "image/png": PNG,
    "image/gif": b"GIF89a" + b"g" * 10,
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "image/avif": b"\x00\x00\x00\x1cftypavif",
}


@pytest.fixture(autouse=True)
def own_place(settings: Any, tmp_path: Path) -> Path:
    """An empty cache, and leave to reach loopback."""
    settings.THUMBNAILS_DIR, settings.ALLOW_PRIVATE_ADDRESSES = tmp_path, True
    cache.clear()
    return tmp_path


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def shown(browser: Client, address: str) -> Any:
    return browser.get(reverse("jobs:thumbnail", args=[token_of(address)]))


@pytest.mark.parametrize("mime_type", IMAGES)
def test_a_picture_is_fetched_once_and_kept(browser: Client, mime_type: str) -> None:
    with Receiver(Reply(200, body=IMAGES[mime_type], headers={"Content-Type": "text/html"})) as site:
        first, second = shown(browser, site.url("/1.jpg")), shown(browser, site.url("/1.jpg"))

    assert (first.content, first["Content-Type"]) == (IMAGES[mime_type], mime_type)
    assert second.content == first.content
    assert [request.path for request in site.requests] == ["/1.jpg"]
    assert first["Cache-Control"] == "private, max-age=86400, immutable"


def test_the_site_learns_nothing_of_the_visitor(browser: Client) -> None:
    with Receiver(Reply(200, body=JPEG)) as site:
        browser.get(
            reverse("jobs:thumbnail", args=[token_of(site.url())]),
            headers={"Referer": "http://testserver/", "Accept-Language": "tlh", "X-Forwarded-For": "192.0.2.9"},
        )

    sent = {name.lower() for name in site.requests[0].headers}
    assert sent <= {"host", "accept", "user-agent", "accept-encoding"}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, body=JPEG),
        Reply(
            200,
            body=b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
            headers={"Content-Type": "image/svg+xml"},
        ),
        Reply(200, body=b"<html>", headers={"Content-Type": "image/jpeg"}),
        Reply(200, body=JPEG + b"x" * thumbnails.LARGEST_BYTES),
        Reply(302, headers={"Location": "ftp://media.example/1.jpg"}),
    ],
    ids=["missing", "svg", "page", "huge", "elsewhere"],
)
def test_what_is_no_picture_is_not_passed_on_and_not_asked_for_again(browser: Client, reply: Reply) -> None:
    with Receiver(reply) as site:
        response = shown(browser, site.url())
        shown(browser, site.url())

    assert (response.status_code, response.content, response["Content-Type"]) == (200, NOTHING, "image/gif")
    assert len(site.requests) == 1


def test_redirects_are_followed_a_few_times() -> None:
    with Receiver(Reply(302, headers={"Location": "/there"}), Reply(200, body=PNG)) as site:
        assert picture_of(token_of(site.url("/here"))).mime_type == "image/png"
    with Receiver(*[Reply(302, headers={"Location": "/again"})] * 9) as site, pytest.raises(NoPicture):
        picture_of(token_of(site.url("/round")))

    assert len(site.requests) == thumbnails.MOST_REDIRECTS + 1


@pytest.mark.parametrize("path", ["", "/redirected"])
def test_private_addresses_are_not_reached(settings: Any, path: str) -> None:
    with Receiver(Reply(200, body=JPEG)) as inside:
        if path:
            settings.ALLOW_PRIVATE_ADDRESSES, settings.EGRESS_ALLOW = False, []
            with Receiver(Reply(302, headers={"Location": inside.url()})) as outside:
                settings.EGRESS_ALLOW = [f"127.0.0.1:{outside.port}"]
                with pytest.raises(NoPicture):
                    picture_of(token_of(outside.url(path)))
            assert len(outside.requests) == 1
        else:
            settings.ALLOW_PRIVATE_ADDRESSES = False
            with pytest.raises(NoPicture):
                picture_of(token_of(inside.url()))

    assert inside.requests == []


def test_blocked_domains_are_not_reached(settings: Any) -> None:
    settings.BLOCKED_DOMAINS = ["127.0.0.1"]
    with Receiver(Reply(200, body=JPEG)) as site, pytest.raises(NoPicture):
        picture_of(token_of(site.url()))

    assert site.requests == []


def test_a_slow_site_holds_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "LONGEST_SECONDS", 0.5)
    started = time.monotonic()
    with Receiver(Reply(drip=True)) as site, pytest.raises(NoPicture):
        picture_of(token_of(site.url()))

    assert time.monotonic() - started < 3


def test_when_too_many_wait_the_picture_may_come_later(
    browser: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "WAIT_SECONDS", 0.01)
    settings.WEB_THREADS = 7  # no other test's number: places are made once for each
    with Receiver(Reply(200, body=JPEG)) as site:
        with thumbnails._place_to_fetch():
            busy = shown(browser, site.url())
        later = shown(browser, site.url())

    assert (busy.content, busy["Cache-Control"]) == (NOTHING, "private, max-age=0")
    assert later.content == JPEG


@pytest.mark.parametrize(
    "token",
    ["x", signing.dumps("http://127.0.0.1/"), "http://127.0.0.1/"],
    ids=["no token", "signed for other ends", "an address"],
)
def test_only_what_this_server_has_signed_is_fetched(browser: Client, token: str) -> None:
    assert browser.get(f"/thumbnails/{token}").status_code == 404


def test_strangers_get_no_pictures(client: Client) -> None:
    with Receiver(Reply(200, body=JPEG)) as site:
        assert shown(client, site.url()).status_code == 302

    assert site.requests == []


@pytest.mark.parametrize(
    "address", [None, "", "ftp://a.example/1", "data:image/png;base64,AA", "https://a.example/" + "x" * 2000]
)
def test_what_is_no_address_has_no_token(address: str | None) -> None:
    assert token_of(address) == ""


def test_a_sweep_leaves_what_is_new_and_not_too_much(own_place: Path, settings: Any) -> None:
    settings.THUMBNAIL_CACHE_BYTES = 250
    now = time.time()
    for name, age in (("new", 10), ("older", 20), ("oldest", 30), ("ancient", thumbnails.KEPT_SECONDS + 60)):
        path = own_place / "ab" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (now - age, now - age))

    assert thumbnails.sweep() == 2
    assert sorted(path.name for path in (own_place / "ab").iterdir()) == ["new", "older"]


def test_workers_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import tasks

    swept = []
    monkeypatch.setattr(thumbnails, "sweep", lambda: swept.append(True))

    tasks.sweep()

    assert swept == [True]
