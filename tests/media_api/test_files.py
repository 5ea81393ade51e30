import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from django.utils.http import http_date
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import MediaFile
from jobs.states import State
from media_api.files import NotSatisfiable, Slice, asked_range, disposition, link_for
from tests.factories import make_job, make_key, make_user
from tests.media_api.conftest import CONTENT

Stored = Callable[..., MediaFile]


def link(file: MediaFile) -> str:
    return link_for(file, RequestFactory().get("/"))


def fetch(client: APIClient, address: str, **headers: str) -> Any:
    """The response, its bytes read into `body`, so that the file is closed."""
    response = client.get(address, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response.body = b"".join(response)
    return response


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_signed_link_needs_no_key_and_gives_every_byte(anonymous: APIClient, stored: Stored, slash: str) -> None:
    file = stored()

    response = fetch(anonymous, link(file) + slash)

    assert (response.status_code, response.body) == (200, CONTENT)
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["Content-Type"] == "video/mp4"
    assert response["ETag"] == f'"{file.sha256}"'
    assert response["Last-Modified"] == http_date(file.created_at.timestamp())
    assert response["Accept-Ranges"] == "bytes"
    assert response["Cache-Control"] == "private"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Content-Disposition"].startswith(f'attachment; filename="{file.name}"')


def test_head_tells_the_same_without_a_body(anonymous: APIClient, stored: Stored) -> None:
    address = link(stored())

    head, full = anonymous.head(address), fetch(anonymous, address)

    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition"):
        assert head[name] == full[name]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=10240-", None, None),
        ("bytes=10239-", 10239, 10239),
        ("bytes=-5", 10235, 10239),
        ("bytes=-99999", 0, 10239),
        ("bytes=10000-99999", 10000, 10239),
        ("Bytes= 3 - 4", 3, 4),
    ],
)
def test_a_range_gives_exactly_its_bytes(
    anonymous: APIClient, stored: Stored, asked: str, first: int | None, last: int | None
) -> None:
    response = fetch(anonymous, link(stored()), Range=asked)

    if first is None or last is None:
        assert response.status_code == 416
        assert response["Content-Range"] == f"bytes */{len(CONTENT)}"
        assert response.json()["error"]["code"] == "RANGE_NOT_SATISFIABLE"
        return
    assert (response.status_code, response.body) == (206, CONTENT[first : last + 1])
    assert response["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert response["Content-Length"] == str(last + 1 - first)


@pytest.mark.parametrize(
    "asked",
    ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "items=0-1", "bytes=x-1", "bytes=" + "9" * 30 + "-"],
)
def test_a_range_that_makes_no_sense_is_ignored(anonymous: APIClient, stored: Stored, asked: str) -> None:
    response = fetch(anonymous, link(stored()), Range=asked)

    assert (response.status_code, response.body) == (200, CONTENT)


def test_the_last_no_bytes_cannot_be_had() -> None:
    with pytest.raises(NotSatisfiable):
        asked_range("bytes=-0", 10)
    with pytest.raises(NotSatisfiable):
        asked_range("bytes=0-", 0)


@pytest.mark.parametrize("condition", ["etag", "date", "other", "weak", "older"])
def test_if_range_gives_the_range_of_the_same_version_only(
    anonymous: APIClient, stored: Stored, condition: str
) -> None:
    file = stored()
    sent = {
        "etag": f'"{file.sha256}"',
        "date": http_date(file.created_at.timestamp()),
        "other": '"another"',
        "weak": f'W/"{file.sha256}"',
        "older": http_date(file.created_at.timestamp() - 60),
    }[condition]

    response = fetch(anonymous, link(file), Range="bytes=0-3", If_Range=sent)

    assert response.status_code == (206 if condition in ("etag", "date") else 200)


def test_a_copy_that_is_still_good_is_not_sent_again(anonymous: APIClient, stored: Stored) -> None:
    file = stored()
    by_tag = fetch(anonymous, link(file), If_None_Match=f'"{file.sha256}"')
    by_date = fetch(anonymous, link(file), If_Modified_Since=http_date(file.created_at.timestamp()))

    assert [by_tag.status_code, by_date.status_code] == [304, 304]
    assert by_tag["ETag"] == f'"{file.sha256}"'
    assert by_tag.body == b""
    assert not {"Content-Length", "Content-Type"} & set(by_tag.headers)  # those of nothing, while the file has others


def test_a_condition_that_fails_is_a_412(anonymous: APIClient, stored: Stored) -> None:
    response = fetch(anonymous, link(stored()), If_Match='"another"')

    assert response.status_code == 412
    assert response.json()["error"]["code"] == "PRECONDITION_FAILED"


def test_an_expired_link_says_so(anonymous: APIClient, stored: Stored, settings: Settings) -> None:
    settings.FILE_LINK_SECONDS = 60
    address = link(stored())

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=62)):
        response = fetch(anonymous, address)

    assert (response.status_code, response.json()["error"]["code"]) == (403, "LINK_EXPIRED")


def test_a_link_does_not_outlive_its_file(anonymous: APIClient, stored: Stored, owner: User) -> None:
    job = make_job(owner, State.COMPLETED, expires_at=timezone.now() + timedelta(seconds=10))
    address = link(stored(job=job))

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=12)):
        assert fetch(anonymous, address).status_code == 403


def test_a_changed_link_is_unknown(anonymous: APIClient, stored: Stored) -> None:
    address = link(stored())
    found = re.search(r"/files/([^:/]+):([^/]+)/", address)
    assert found
    payload, signature = found[1], found[2]

    for changed in (f"{payload}x:{signature}", f"{payload}:{signature[:-2]}", f":{signature}", f"{payload}:"):
        response = fetch(anonymous, f"/files/{changed}/x")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_the_owner_may_use_the_files_own_id(api: APIClient, stored: Stored, owner: User) -> None:
    address = f"/files/{stored().public_id}/x"
    browser = APIClient()
    browser.force_login(owner)

    assert fetch(api, address).body == fetch(browser, address).body == CONTENT


def test_the_files_own_id_opens_nothing_to_others(anonymous: APIClient, stored: Stored) -> None:
    address = f"/files/{stored().public_id}/x"
    _, theirs = make_key(make_user())

    nobody = fetch(anonymous, address)
    wrong = fetch(anonymous, address, X_API_Key="wrong")
    other = fetch(anonymous, address, X_API_Key=theirs)
    unknown = fetch(anonymous, "/files/file_unknown/x", X_API_Key=theirs)

    assert nobody.json()["error"]["code"] == "AUTHENTICATION_REQUIRED"
    assert wrong.json()["error"]["code"] == "INVALID_API_KEY"
    assert (other.status_code, unknown.status_code) == (404, 404)
    assert other.json()["error"]["message"] == unknown.json()["error"]["message"]


def test_a_key_that_may_not_read_gets_no_file(anonymous: APIClient, stored: Stored, owner: User) -> None:
    _, secret = make_key(owner, scopes=[])

    response = fetch(anonymous, f"/files/{stored().public_id}/x", X_API_Key=secret)

    assert (response.status_code, response.json()["error"]["code"]) == (403, "FORBIDDEN")


def test_a_deleted_file_and_lost_bytes_are_not_found(anonymous: APIClient, stored: Stored, settings: Settings) -> None:
    deleted, lost = stored(), stored()
    addresses = [link(deleted), link(lost)]
    MediaFile.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    (settings.FILES_DIR / lost.path).unlink()

    assert [fetch(anonymous, address).status_code for address in addresses] == [404, 404]


def test_the_name_in_the_address_decides_nothing(anonymous: APIClient, stored: Stored) -> None:
    file = stored(path="videos/real.mp4")
    address = link(file).replace("real.mp4", "invoice.exe")

    assert 'filename="real.mp4"' in fetch(anonymous, address)["Content-Disposition"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.mp4", 'attachment; filename="a.mp4"'),
        ('a "b".mp4', 'attachment; filename="a \\"b\\".mp4"'),
        ("Käse.mp4", "attachment; filename=\"K_se.mp4\"; filename*=utf-8''K%C3%A4se.mp4"),
        ("日本.mp4", "attachment; filename=\"__.mp4\"; filename*=utf-8''%E6%97%A5%E6%9C%AC.mp4"),
    ],
)
def test_names_are_written_for_old_and_new_clients(name: str, header: str) -> None:
    assert disposition(name) == header


def test_a_slice_hands_the_file_to_the_kernel_at_the_right_place(stored: Stored, settings: Settings) -> None:
    with (settings.FILES_DIR / stored().path).open("rb") as file:
        file.seek(100)
        part = Slice(file, 50)

        assert part.fileno() == file.fileno()
        assert part.read(30) + part.read(30) + part.read(30) == CONTENT[100:150]


@pytest.mark.django_db(transaction=True)
def test_a_transfer_holds_no_database_connection(anonymous: APIClient, stored: Stored) -> None:
    response: Any = anonymous.get(link(stored()))

    held = connection.connection
    body = b"".join(response)

    assert (held, body) == (None, CONTENT)


@pytest.fixture
def one_pooled_connection(db: None) -> Iterator[None]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no pool")
    connection.close()
    connection.settings_dict["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 1, "timeout": 2}
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's
    del connection.settings_dict["OPTIONS"]["pool"]


@pytest.mark.django_db(transaction=True)
def test_two_transfers_at_once_share_a_pool_of_one_connection(
    one_pooled_connection: None, anonymous: APIClient, stored: Stored
) -> None:
    address = link(stored())
    connection.close()
    began, received = threading.Barrier(2, timeout=10), []

    def transfer() -> None:
        response: Any = APIClient(raise_request_exception=False).get(address)
        began.wait()  # neither reads on before both have their answer
        received.append((response.status_code, b"".join(response)))
        connection.close()

    clients = [threading.Thread(target=transfer) for _ in range(2)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(20)

    assert received == [(200, CONTENT)] * 2
