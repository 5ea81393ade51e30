import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.states import State
from tests.factories import make_job

pytestmark = pytest.mark.django_db

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
UNKNOWN = {"Accept-Language": "tlh"}


def test_a_page_speaks_what_the_browser_asks_for(client: Client, owner: User) -> None:
    client.force_login(owner)

    german, other = client.get("/", headers=GERMAN), client.get("/", headers=UNKNOWN)

    assert '<html lang="de"' in german.content.decode()
    assert "Link rein, Datei raus." in german.content.decode()
    assert (german["Content-Language"], "Accept-Language" in german["Vary"]) == ("de", True)
    assert "Paste a link, get the file." in other.content.decode()


def test_what_was_chosen_wins_and_the_way_leads_back(client: Client) -> None:
    response = client.post(reverse("jobs:language"), {"language": "fr", "next": "/accounts/login"}, headers=GERMAN)

    assert (response.status_code, response["Location"]) == (302, "/accounts/login")
    assert "Se connecter" in client.get("/accounts/login", headers=GERMAN).content.decode()


def test_the_way_back_never_leads_to_another_site(client: Client) -> None:
    response = client.post(reverse("jobs:language"), {"language": "fr", "next": "https://elsewhere.example/"})

    assert response["Location"] == "/"


def test_a_page_that_is_not_there_speaks_the_language_too(client: Client) -> None:
    assert "Hier ist nichts" in client.get("/nowhere", headers=GERMAN | {"Accept": "text/html"}).content.decode()


def test_the_api_and_the_operators_pages_are_english(client: Client, admin_client: Client) -> None:
    refused = client.get("/api/v1/downloads", headers=GERMAN).json()
    page = admin_client.get("/admin/", headers=GERMAN)

    assert "key" in refused["error"]["message"]
    assert "Administration | Ultimate Media Downloader" in page.content.decode()
    assert "Content-Language" not in page


def test_another_language_is_another_answer_for_polling(client: Client, owner: User) -> None:
    client.force_login(owner)
    make_job(owner, State.QUEUED)
    etag = client.get("/jobs/rows", headers=GERMAN)["ETag"]

    same = client.get("/jobs/rows", headers=GERMAN | {"If-None-Match": etag})
    english = client.get("/jobs/rows", headers={"If-None-Match": etag})

    assert (same.status_code, english.status_code) == (304, 200)
