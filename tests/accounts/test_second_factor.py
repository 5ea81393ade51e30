import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import second_factor
from accounts.models import SecondFactor, User
from tests.factories import make_key, make_user

LOGIN = reverse("accounts:login")
STEP = reverse("accounts:second-step")
PAGE = reverse("accounts:second-factor")
HOME = reverse("jobs:home")
PASSWORD = "a long password"
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(autouse=True)
def early_in_a_step() -> Iterator[None]:
    """So that a code is still of this step when it is typed."""
    with time_machine.travel(time.time() // 30 * 30 + 1):
        yield


def code_now(secret: str, off: int = 0) -> str:
    return second_factor.code_at(secret, int(time.time()) // 30 + off)


@pytest.fixture
def secret(owner: User) -> str:
    """Of an owner who has turned codes on, and used none since."""
    given = second_factor.begin(owner)
    assert second_factor.confirm(owner, code_now(given))
    SecondFactor.objects.update(last_step=0)
    return given


def give_password(client: Client, owner: User, **fields: str) -> Any:
    return client.post(LOGIN, {"username": owner.username, "password": PASSWORD, **fields})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize(("second", "code"), [(59, "287082"), (1111111109, "081804"), (2000000000, "279037")])
def test_codes_are_those_of_the_standard(second: int, code: str) -> None:
    """The last six digits of the values in RFC 6238, appendix B."""
    assert second_factor.code_at(RFC_SECRET, second // 30) == code


def test_the_password_alone_opens_nothing(client: Client, owner: User, secret: str) -> None:
    response = give_password(client, owner)

    assert response["Location"].startswith(STEP)
    assert not is_signed_in(client)
    assert client.get(HOME).status_code == 302


def test_password_and_code_lead_to_where_one_was(client: Client, owner: User, secret: str) -> None:
    asked = give_password(client, owner, next="/jobs/req_1")["Location"]
    before = client.session.session_key

    response = client.post(asked, {"code": code_now(secret), "next": "/jobs/req_1"})

    assert response["Location"] == "/jobs/req_1"
    assert is_signed_in(client)
    assert client.session.session_key != before


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/"])
def test_the_second_step_never_leads_to_another_site(client: Client, owner: User, secret: str, target: str) -> None:
    give_password(client, owner)

    assert client.post(STEP, {"code": code_now(secret), "next": target})["Location"] == HOME


@pytest.mark.parametrize("code", ["", "000000", "abcdef", "12345", "\u0661\u0662\u0663\u0664\u0665\u0666"])
def test_a_wrong_code_opens_nothing(client: Client, owner: User, secret: str, code: str) -> None:
    give_password(client, owner)

    assert client.post(STEP, {"code": code}).status_code == 200
    assert not is_signed_in(client)


def test_a_code_is_taken_once(owner: User, secret: str) -> None:
    code = code_now(secret)

    assert second_factor.accept(owner, code)
    assert not second_factor.accept(owner, code)


def test_after_a_later_code_no_earlier_one_is_taken(owner: User, secret: str) -> None:
    assert second_factor.accept(owner, code_now(secret, 1))
    assert not second_factor.accept(owner, code_now(secret))


@pytest.mark.parametrize(("off", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(owner: User, secret: str, off: int, is_taken: bool) -> None:
    with time_machine.travel(1_800_000_000, tick=False):
        assert second_factor.accept(owner, code_now(secret, off)) is is_taken


def test_blanks_in_a_code_are_no_error(owner: User, secret: str) -> None:
    code = code_now(secret)

    assert second_factor.accept(owner, f" {code[:3]} {code[3:]} ")


def test_guessing_codes_has_to_wait(client: Client, owner: User, secret: str, settings: Settings) -> None:
    settings.SIGN_IN_ATTEMPTS = 2
    give_password(client, owner)

    answers = [client.post(STEP, {"code": "000000"}) for _ in range(3)]
    right = client.post(STEP, {"code": code_now(secret)})

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert right.status_code == 429
    assert int(right["Retry-After"]) >= 1
    assert not is_signed_in(client)


def test_the_second_step_is_closed_without_the_first(client: Client, owner: User, secret: str) -> None:
    assert client.post(STEP, {"code": code_now(secret)})["Location"] == LOGIN
    assert not is_signed_in(client)


def test_the_second_step_closes_after_five_minutes(client: Client, owner: User, secret: str) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        give_password(client, owner)
        clock.shift(301)

        assert client.post(STEP, {"code": code_now(secret)})["Location"] == LOGIN


def test_a_new_password_closes_the_second_step(client: Client, owner: User, secret: str) -> None:
    give_password(client, owner)
    owner.set_password("another long password")
    owner.save()

    assert client.post(STEP, {"code": code_now(secret)})["Location"] == LOGIN


def test_codes_are_turned_on_by_the_first_right_one_and_off_by_another(client: Client, owner: User) -> None:
    client.force_login(owner)
    shown = client.get(PAGE).content.decode()
    secret = re.findall(r"<code>([A-Z2-7 ]+)</code>", shown)[0].replace(" ", "")
    assert f"secret={secret}" in shown

    assert client.post(PAGE, {"code": "000000"}).status_code == 200
    assert not second_factor.is_on(owner)
    assert client.post(PAGE, {"code": code_now(secret, -1)}).status_code == 302
    assert second_factor.is_on(owner)
    assert client.post(PAGE, {"code": code_now(secret)}).status_code == 302
    assert not second_factor.is_on(owner)


def test_once_on_the_key_is_not_shown_again(client: Client, owner: User, secret: str) -> None:
    client.force_login(owner)

    for page in (client.get(PAGE), client.post(PAGE, {"code": "000000"})):
        assert secret[:4] not in page.content.decode()
        assert "otpauth:" not in page.content.decode()


def test_the_key_is_not_readable_in_the_database(owner: User, secret: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_secondfactor")
        assert secret not in str(cursor.fetchall())
    assert secret not in repr(SecondFactor.objects.get().__dict__)


def test_an_operator_can_turn_codes_off_for_who_lost_the_app(owner: User, secret: str) -> None:
    call_command("remove_second_factor", owner.username, verbosity=0)

    assert not second_factor.is_on(owner)


@pytest.fixture
def staff(settings: Settings, db: None) -> User:
    settings.REQUIRE_STAFF_OTP = True
    return make_user(is_staff=True, is_superuser=True)


@pytest.mark.parametrize("path", [HOME, "/admin/", "/admin/jobs/job/", "/api/v1/download"])
def test_where_codes_are_required_staff_come_no_further_without(client: Client, staff: User, path: str) -> None:
    client.force_login(staff)

    page = client.get(path, headers={"Accept": "text/html"})

    assert (page.status_code, page.headers.get("Location")) == (302, PAGE)
    assert client.post(path, headers={"Accept": "text/html"}).status_code == 403
    assert client.get(path, headers={"Accept": "application/json"}).status_code == 403


def test_a_session_from_before_codes_has_to_sign_in_anew(client: Client, staff: User) -> None:
    client.force_login(staff)
    second_factor.confirm(staff, code_now(second_factor.begin(staff)))

    assert client.get(HOME, headers={"Accept": "text/html"})["Location"] == LOGIN
    assert not is_signed_in(client)


def test_with_a_code_staff_are_let_through(client: Client, staff: User) -> None:
    secret = second_factor.begin(staff)
    second_factor.confirm(staff, code_now(secret, -1))
    give_password(client, staff)
    client.post(STEP, {"code": code_now(secret)})

    assert client.get("/admin/").status_code == 200


def test_other_people_and_keys_need_no_code(client: Client, staff: User, owner: User) -> None:
    _, key = make_key(staff)
    client.force_login(owner)

    assert client.get(HOME).status_code == 200
    assert Client().get("/api/v1/download", headers={"X-API-Key": key}).status_code == 200
