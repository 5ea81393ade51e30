from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import shares
from jobs.engine.contract import FileRole
from jobs.library import GIB
from jobs.models import Job, ShareLink
from jobs.states import State
from jobs.views import library
from jobs.views.items import clock_text
from tests.factories import make_file, make_job, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    """A browser in which the owner is signed in."""
    client.force_login(owner)
    return client


@pytest.fixture
def film(owner: User) -> Job:
    job = make_job(owner, State.COMPLETED, title="Boats", expires_at=timezone.now() + timedelta(minutes=50))
    make_file(job, path="videos/boats.mp4", duration_seconds=185.0)
    return job


def text_of(browser: Client, name: str, *parts: str, **query: str) -> str:
    response = browser.get(reverse(f"jobs:{name}", args=parts), query)
    assert response.status_code == 200
    return response.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def do(browser: Client, job: Job, verb: str, **options: Any) -> Any:
    return browser.post(reverse("jobs:keep", args=[job.public_id, verb]), **options)


@pytest.mark.parametrize("name", ["library", "shares", "jars", "webhooks", "finished"])
def test_strangers_are_sent_to_the_sign_in_page(client: Client, db: None, name: str) -> None:
    response = client.get(reverse(f"jobs:{name}"))

    assert response["Location"].startswith(reverse("accounts:login"))


@pytest.mark.parametrize("name", ["item", "undo"])
def test_other_peoples_files_do_not_exist(browser: Client, name: str) -> None:
    theirs = make_job(make_user(), State.COMPLETED)
    make_file(theirs)

    assert browser.get(reverse(f"jobs:{name}", args=[theirs.public_id])).status_code == 404
    assert do(browser, theirs, "delete").status_code == 404
    assert browser.post(reverse("jobs:share", args=[theirs.public_id])).status_code == 404


def test_the_library_shows_what_is_kept(browser: Client, film: Job) -> None:
    text = text_of(browser, "library")

    shown = ("Boats", "1000 bytes", "MP4", "3:05", reverse("jobs:item", args=[film.public_id]), 'aria-current="page"')
    assert [part for part in shown if part not in text] == []


def test_an_empty_library_leads_to_the_first_download(browser: Client) -> None:
    assert "Nothing here yet" in text_of(browser, "library")


def test_a_search_without_a_result_says_so(browser: Client, film: Job) -> None:
    text = text_of(browser, "library", text="trains")

    assert "Nothing fits" in text
    assert "Boats" not in text


def test_a_search_from_the_page_gets_the_results_alone(browser: Client, film: Job) -> None:
    text = browser.get(reverse("jobs:library"), {"text": "boats"}, headers=HTMX).content.decode()

    assert "Boats" in text
    assert "<html" not in text


def test_pages_keep_the_search(browser: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PAGE_LENGTH", 1)
    for _ in range(2):
        make_file(make_job(owner, State.COMPLETED, title="Boats"))

    assert "?text=boats&amp;order=oldest&amp;page=2" in text_of(browser, "library", text="boats", order="oldest")


@pytest.mark.parametrize(
    ("cookie", "query", "layout"), [("", {}, "grid"), ("list", {}, "list"), ("grid", {"layout": "list"}, "list")]
)
def test_grid_or_list_is_remembered(
    browser: Client, film: Job, cookie: str, query: dict[str, str], layout: str
) -> None:
    browser.cookies["layout"] = cookie

    assert f'class="shelf is-{layout}"' in text_of(browser, "library", **query)


def test_what_is_used_is_shown_against_the_quota(browser: Client, owner: User, film: Job) -> None:
    User.objects.filter(pk=owner.pk).update(max_stored_bytes=4 * GIB)
    make_file(film, size_bytes=GIB)

    text = text_of(browser, "library")

    assert "<strong>1.0 GB</strong> of 4.0 GB" in text
    assert 'value="25"' in text


def test_a_file_that_browsers_play_has_a_player_with_its_subtitles(browser: Client, film: Job) -> None:
    subtitles = make_file(film, role=FileRole.SUBTITLE, path="videos/boats.en.vtt", mime_type="text/vtt", language="en")
    other = make_file(film, role=FileRole.SUBTITLE, path="videos/boats.de.srt", mime_type="text/plain", language="de")

    text = text_of(browser, "item", film.public_id)

    assert f'src="/files/{film.files.earliest("id").public_id}/boats.mp4"' in text
    assert f'src="/files/{subtitles.public_id}/boats.en.vtt"' in text
    assert 'srclang="en"' in text
    assert f'src="/files/{other.public_id}' not in text


@pytest.mark.parametrize(
    ("mime_type", "tag"), [("video/webm", "<video"), ("audio/mpeg", "<audio"), ("video/x-matroska", "")]
)
def test_the_player_fits_the_file(browser: Client, owner: User, mime_type: str, tag: str) -> None:
    job = make_job(owner, State.COMPLETED)
    make_file(job, mime_type=mime_type)

    text = text_of(browser, "item", job.public_id)

    assert [found for found in ("<video", "<audio") if found in text] == ([tag] if tag else [])
    assert ("Browsers do not play" in text) is not bool(tag)


def test_keeping_longer_shows_the_new_time(browser: Client, film: Job) -> None:
    before = film.expires_at

    response = do(browser, film, "extend", headers=HTMX)

    film.refresh_from_db()
    assert before is not None
    assert film.expires_at == before + timedelta(hours=1)
    assert film.expires_at.isoformat()[:16] in response.content.decode()


def test_what_cannot_be_kept_longer_says_why(browser: Client, film: Job, settings: Settings) -> None:
    settings.MAX_RETENTION_HOURS = 0.1

    assert "at most" in do(browser, film, "extend", headers=HTMX).content.decode()
    assert reverse("jobs:keep", args=[film.public_id, "extend"]) not in text_of(browser, "library")


def test_deleting_leaves_a_way_back_in_its_place(browser: Client, film: Job) -> None:
    response = do(browser, film, "delete", headers=HTMX)

    text = response.content.decode()
    assert reverse("jobs:keep", args=[film.public_id, "restore"]) in text
    assert 'data-gone-after="10"' in text
    assert "Boats" not in text_of(browser, "library")
    assert "Boats" in do(browser, film, "restore", headers=HTMX).content.decode()
    assert "Boats" in text_of(browser, "library")


def test_deleting_works_without_scripts(browser: Client, film: Job) -> None:
    response = do(browser, film, "delete", follow=True)

    assert response.redirect_chain == [(reverse("jobs:undo", args=[film.public_id]), 302)]
    assert "Undo" in response.content.decode()
    assert "Boats" in do(browser, film, "restore", follow=True).content.decode()


def test_unknown_verbs_do_not_exist(browser: Client, film: Job) -> None:
    assert do(browser, film, "explode").status_code == 404


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_shared_link_is_shown_once(
    browser: Client, client: Client, film: Job, headers: dict[str, str], settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://media.example"
    address = reverse("jobs:share", args=[film.public_id])

    response = browser.post(address, {"lifetime": "day"}, headers=headers)

    text = response.content.decode()
    link = ShareLink.objects.get()
    assert response.status_code == 200
    assert "https://media.example/s/" in text
    assert "/s/" not in text_of(browser, "item", film.public_id)
    assert link.expires_at - link.created_at > timedelta(hours=23)


def test_a_lifetime_that_is_not_offered_is_refused(browser: Client, film: Job) -> None:
    response = browser.post(reverse("jobs:share", args=[film.public_id]), {"lifetime": "century"})

    assert response.status_code == 422
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize("of_all", [False, True])
def test_revoking_ends_a_link(browser: Client, film: Job, of_all: bool) -> None:
    issued = shares.issue(film.files.get(), shares.LIFETIMES["day"])
    assert issued.link.public_id in text_of(browser, "shares")

    response = browser.post(
        reverse("jobs:revoke-share", args=[issued.link.public_id]), {"all": "1"} if of_all else {}, headers=HTMX
    )

    assert "revoked" in response.content.decode()
    assert Client().get(reverse("jobs:shared", args=[issued.token])).status_code == 404


def test_other_peoples_links_cannot_be_revoked(browser: Client) -> None:
    theirs = shares.issue(make_file(make_job(None, State.COMPLETED)), shares.LIFETIMES["day"])

    response = browser.post(reverse("jobs:revoke-share", args=[theirs.link.public_id]))

    assert response.status_code == 404
    assert shares.shared(theirs.token)


def test_strangers_with_a_link_see_the_file(client: Client, film: Job) -> None:
    issued = shares.issue(film.files.get(), shares.LIFETIMES["day"])

    response = client.get(reverse("jobs:shared", args=[issued.token]))

    text = response.content.decode()
    assert (response.status_code, response["Referrer-Policy"]) == (200, "no-referrer")
    assert f"/files/shared/{issued.token}/boats.mp4" in text
    assert film.public_id not in text


@pytest.mark.parametrize("make", [lambda: "nonsense", lambda: "a" * 500])
def test_strangers_without_a_good_link_see_nothing(client: Client, db: None, make: Callable[[], str]) -> None:
    response = client.get(reverse("jobs:shared", args=[make()]))

    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()


@pytest.mark.parametrize(("seconds", "text"), [(42.4, "0:42"), (185, "3:05"), (4800, "1:20:00")])
def test_lengths_read_like_a_clock(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
