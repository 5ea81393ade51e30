import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User

LOGIN = reverse("accounts:login")


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
