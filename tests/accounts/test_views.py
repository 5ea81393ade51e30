import threading
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from tests.factories import make_user

LOGIN = reverse("accounts:login")
GUESSERS = 12


def sign_in(client: Client, owner: User, password: str = "a long password", **fields: str) -> tuple[int, str]:
    response = client.post(LOGIN, {"username": owner.username, "password": password, **fields})
    return response.status_code, response.headers.get("Location", "")


def test_signing_in_leads_to_the_downloads(client: Client, owner: User) -> None:
    assert sign_in(client, owner) == (302, reverse("jobs:home"))
    assert client.get(reverse("jobs:home")).status_code == 200


def test_signing_in_leads_back_to_where_one_was(client: Client, owner: User) -> None:
    assert sign_in(client, owner, next="/jobs/req_1") == (302, "/jobs/req_1")


def test_signing_in_never_leads_to_another_site(client: Client, owner: User) -> None:
    assert sign_in(client, owner, next="https://elsewhere.example/") == (302, reverse("jobs:home"))


def test_languages_are_offered_by_their_own_names(client: Client, db: None) -> None:
    german = client.get(LOGIN, headers={"Accept-Language": "de"}).content.decode()

    assert [name in german for name in (">English<", ">Deutsch<", ">Français<")] == [True, True, True]


def test_a_wrong_password_is_told(client: Client, owner: User) -> None:
    response = client.post(LOGIN, {"username": owner.username, "password": "wrong"})

    assert "do not belong together" in response.content.decode()
    assert client.get(reverse("jobs:home")).status_code == 302


def test_who_is_signed_in_does_not_see_the_sign_in_page(client: Client, owner: User) -> None:
    client.force_login(owner)

    assert client.get(LOGIN)["Location"] == reverse("jobs:home")


@pytest.mark.parametrize(("method", "status"), [("post", 302), ("get", 405)])
def test_signing_out_takes_a_post(client: Client, owner: User, method: str, status: int) -> None:
    client.force_login(owner)

    assert getattr(client, method)(reverse("accounts:logout")).status_code == status
    assert ("_auth_user_id" in client.session) == (method == "get")


def guess(client: Client, name: str, address: str = "203.0.113.1", password: str = "wrong") -> Any:
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


@pytest.fixture
def two_guesses(settings: Settings, owner: User) -> Iterator[time_machine.Traveller]:
    """Two wrong sign-ins are let through, and the clock stands still at the start of every window."""
    settings.SIGN_IN_ATTEMPTS = 2
    settings.SIGN_IN_LONGEST_WAIT = 3600
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        yield clock


def test_after_too_many_wrong_passwords_not_even_the_right_one_is_taken(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    wrong = [guess(client, owner.username).status_code for _ in range(2)]

    refused = guess(client, owner.username, password="a long password")

    assert (wrong, refused.status_code) == ([200, 200], 429)
    assert "Too many wrong sign-ins. Try again in" in refused.content.decode()
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "_auth_user_id" not in client.session


def test_after_the_wait_the_right_password_is_taken(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    for _ in range(2):
        guess(client, owner.username)
    wait = int(guess(client, owner.username)["Retry-After"])

    two_guesses.shift(wait)

    assert guess(client, owner.username, password="a long password").status_code == 302


def test_who_goes_on_guessing_waits_longer_each_time(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    waits = []
    for _ in range(40):
        answer = guess(client, owner.username)
        if answer.status_code == 429:
            waits.append(int(answer["Retry-After"]))
            two_guesses.shift(waits[-1])

    assert waits[0] <= 60 < waits[1] <= 600 < max(waits) <= 3600


def test_a_name_is_guarded_against_many_addresses(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    answers = [guess(client, owner.username, f"203.0.113.{number}").status_code for number in range(3)]

    assert answers == [200, 200, 429]
    assert guess(client, owner.username.upper(), "203.0.113.9").status_code == 429
    assert guess(client, make_user().username, "203.0.113.9", "a long password").status_code == 302


def test_an_address_is_kept_from_trying_many_names(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    answers = [guess(client, f"name{number}").status_code for number in range(3)]

    assert answers == [200, 200, 429]
    assert guess(client, owner.username, "203.0.113.2", "a long password").status_code == 302


def test_right_passwords_are_not_counted(client: Client, owner: User, two_guesses: time_machine.Traveller) -> None:
    for _ in range(4):
        assert guess(client, owner.username, password="a long password").status_code == 302
        client.logout()


def test_sign_ins_without_a_limit(client: Client, owner: User, settings: Settings) -> None:
    settings.SIGN_IN_ATTEMPTS = 0

    assert {guess(client, owner.username).status_code for _ in range(10)} == {200}


def test_the_admin_has_no_sign_in_of_its_own(client: Client, owner: User) -> None:
    response = client.get("/admin/jobs/job/", follow=True)

    assert response.redirect_chain[-1] == (f"{LOGIN}?next=/admin/jobs/job/", 302)
    assert client.post("/admin/login/", {"username": owner.username, "password": "a long password"}).status_code == 302
    assert "_auth_user_id" not in client.session


def test_who_may_not_enter_the_admin_is_told_so(client: Client, owner: User) -> None:
    client.force_login(owner)

    assert client.get("/admin/", follow=True).status_code == 403


def test_staff_come_from_the_sign_in_page_to_the_admin(client: Client, db: None) -> None:
    staff = make_user(is_staff=True, is_superuser=True)

    client.post(f"{LOGIN}?next=/admin/", {"username": staff.username, "password": "a long password", "next": "/admin/"})

    assert client.get("/admin/login/?next=/admin/", follow=True).redirect_chain[-1] == ("/admin/", 302)


PASSWORD = reverse("accounts:password")


def change_password(client: Client, new: str, old: str = "a long password") -> Any:
    return client.post(PASSWORD, {"old_password": old, "new_password1": new, "new_password2": new})


def test_a_new_password_signs_out_everywhere_else(client: Client, owner: User) -> None:
    sign_in(client, owner)
    elsewhere = Client()
    sign_in(elsewhere, owner)
    before = client.session.session_key

    assert change_password(client, "a quite different password").status_code == 302

    assert client.get(reverse("jobs:home")).status_code == 200
    assert client.session.session_key != before
    assert elsewhere.get(reverse("jobs:home")).status_code == 302


@pytest.mark.parametrize("new", ["short", "password1234", "8273645546372", "{username}xyz"])
def test_weak_passwords_are_not_taken(client: Client, owner: User, new: str) -> None:
    sign_in(client, owner)

    assert change_password(client, new.format(username=owner.username)).status_code == 200
    owner.refresh_from_db()
    assert owner.check_password("a long password")


def test_without_the_old_password_there_is_no_new_one(client: Client, owner: User) -> None:
    sign_in(client, owner)

    assert change_password(client, "a quite different password", old="wrong").status_code == 200


def test_who_finds_an_open_browser_cannot_guess_the_password(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    client.force_login(owner)
    wrong = [change_password(client, "a quite different password", old="wrong").status_code for _ in range(2)]

    refused = change_password(client, "a quite different password")

    assert (wrong, refused.status_code) == ([200, 200], 429)
    assert 1 <= int(refused["Retry-After"]) <= 60
    owner.refresh_from_db()
    assert owner.check_password("a long password")


def test_the_old_password_is_guarded_against_many_addresses_and_right_ones_do_not_count(
    client: Client, owner: User, two_guesses: time_machine.Traveller
) -> None:
    client.force_login(owner)
    fields = {"new_password1": "another long password", "new_password2": "another long password"}

    right = [change_password(client, "short").status_code for _ in range(4)]
    wrong = [
        client.post(PASSWORD, {"old_password": "wrong", **fields}, REMOTE_ADDR=f"203.0.113.{number}").status_code
        for number in range(3)
    ]

    assert (right, wrong) == ([200] * 4, [200, 200, 429])


def test_the_admin_has_no_page_of_its_own_for_a_new_password(client: Client, db: None) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    assert client.post("/admin/password_change/", {"old_password": "wrong"})["Location"] == PASSWORD


def test_the_session_gets_a_new_name_at_the_sign_in(client: Client, owner: User) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key

    sign_in(client, owner)

    assert client.session.session_key != before


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_guesses_that_arrive_together_are_no_more_than_the_limit(settings: Settings) -> None:
    settings.SIGN_IN_ATTEMPTS = 3
    owner, statuses, start = make_user(), [], threading.Barrier(GUESSERS)

    def one() -> None:
        start.wait(10)
        statuses.append(guess(Client(), owner.username).status_code)
        connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(GUESSERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(statuses) == GUESSERS
    assert statuses.count(200) <= 3
