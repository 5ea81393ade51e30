"""Who reads along: logs, errors, answers, the list of processes and the bytes of the database tell no secret."""

import base64
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as service
from django.db import connection
from django.views.debug import get_default_exception_reporter_filter
from pytest_django import Settings

from accounts import keys
from accounts.models import ApiKey, CookieJar, User
from accounts.vault import Sealed
from jobs.webhooks.signing import new_secret
from tests.factories import make_endpoint, make_key
from tests.journeys.stack import Stack, running_stack
from tests.origin.server import Origin
from tests.redis import running_redis

FINISHED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Planted:
    """What the running service was given or was sent, and must tell nobody."""

    secret_key: str
    api_key: str
    password: str
    encryption_key: str
    redis_password: str
    cookie: str
    wrong_password: str
    wrong_key: str
    webhook_secret: str

    def found_in(self, text: str) -> list[str]:
        return [name for name, value in vars(self).items() if value in text]


def _plant() -> Planted:
    words = {name: f"planted-{name}-{secrets.token_hex(12)}" for name in Planted.__dataclass_fields__}
    words["encryption_key"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return Planted(**words)


@dataclass(frozen=True)
class Watched:
    """The service with its secrets, and every answer that it gave."""

    stack: Stack
    planted: Planted
    answers: list[requests.Response]

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        url = self.stack.url(path)
        response = self.stack.session.request(method, url, timeout=30, allow_redirects=False, **options)
        self.answers.append(response)
        return response

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"X-API-Key": self.planted.api_key, **options.pop("headers", {})}
        return self.call(method, f"/api/v1{path}", headers=headers, **options)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A service that went through successes and failures of every kind, its log at its most talkative."""
    directory, planted = tmp_path_factory.mktemp("secrets"), _plant()
    with running_redis(directory, password=planted.redis_password) as redis_url:
        variables = {
            "SECRET_KEY": planted.secret_key,
            "API_KEY": planted.api_key,
            "ADMIN_PASSWORD": planted.password,
            "ENCRYPTION_KEYS": planted.encryption_key,
            "REDIS_URL": redis_url,
            "LOG_LEVEL": "DEBUG",
        }
        with Origin() as origin, running_stack(directory, **variables) as stack:
            watched = Watched(stack, planted, [])
            drive(watched, origin)
            yield watched


def drive(watched: Watched, origin: Origin) -> None:
    _call_well_and_badly(watched)
    _sign_in_well_and_badly(watched)
    _store(watched)
    submitted = [
        watched.api("POST", "/download", json={"url": url})
        for url in (origin.url("video.mp4"), origin.url("status/404"), "http://127.0.0.1:1/refused")
    ]
    for response in submitted:
        watched.stack.wait_until(
            lambda answer=response: watched.api("GET", f"/download/{answer.json()['request_id']}").json(),
            lambda job: job["status"] in FINISHED,
        )
        watched.api("GET", f"/download/{response.json()['request_id']}/logs")
    _break(watched)


def _call_well_and_badly(watched: Watched) -> None:
    for key in (watched.planted.wrong_key, watched.planted.api_key):
        watched.call("GET", "/api/v1/download", headers={"X-API-Key": key})
        watched.call("GET", "/api/v1/download", headers={"Authorization": f"Bearer {key}"})
    watched.api("POST", "/download", json={"url": "no link", "api_key": watched.planted.api_key})
    watched.api("POST", "/download", data="{", headers={"Content-Type": "application/json"})
    watched.api("POST", "/download", json={"url": f"http://u:{watched.planted.wrong_password}@media.example/"})
    watched.call("GET", f"/api/v1/download?api_key={watched.planted.wrong_key}")


def _sign_in_well_and_badly(watched: Watched) -> None:
    for password in (watched.planted.wrong_password, watched.planted.password):
        watched.call("GET", "/accounts/login")
        token = watched.stack.session.cookies["csrftoken"]
        form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token}
        watched.call("POST", "/accounts/login", data=form)
    watched.call("GET", "/admin/accounts/apikey/")
    watched.call("GET", "/admin/accounts/user/")
    watched.stack.session.cookies.clear()


def _store(watched: Watched) -> None:
    line = f"media.example\tFALSE\t/\tFALSE\t0\tsession\t{watched.planted.cookie}"
    stored = watched.api("POST", "/cookies", json={"cookies": f"# Netscape HTTP Cookie File\n{line}\n"})
    assert stored.status_code == 201, stored.text
    watched.api("POST", "/cookies", json={"cookies": f"no jar {watched.planted.cookie}"})


def _break(watched: Watched) -> None:
    """Take a table away, so that calls break inside, with tracebacks in the log."""
    if watched.stack.database_url:
        return
    with closing(sqlite3.connect(watched.stack.directory / "data" / "db.sqlite3", timeout=30)) as database:
        database.execute("ALTER TABLE jobs_batch RENAME TO jobs_away")
        assert watched.api("GET", "/batch").status_code >= 500
        database.execute("ALTER TABLE jobs_away RENAME TO jobs_batch")


@pytest.mark.slow
def test_the_service_was_really_driven(driven: Watched) -> None:
    statuses = {answer.status_code for answer in driven.answers}

    assert {200, 201, 202, 302, 400, 401, 422} <= statuses
    assert "completed" in "".join(answer.text for answer in driven.answers)
    assert "Traceback" in driven.stack.log() or driven.stack.database_url


@pytest.mark.slow
def test_no_line_of_the_log_tells_a_secret(driven: Watched) -> None:
    assert driven.planted.found_in(driven.stack.log()) == []


@pytest.mark.slow
def test_no_answer_tells_a_secret(driven: Watched) -> None:
    for answer in driven.answers:
        assert driven.planted.found_in(f"{answer.headers}\n{answer.text}") == [], answer.url


@pytest.mark.slow
def test_the_list_of_processes_tells_no_secret(driven: Watched) -> None:
    shown = list(_shown_below(driven.stack.process.pid))

    assert len(shown) >= 3
    assert driven.planted.found_in("\n".join(shown)) == []


def _shown_below(pid: int) -> Iterator[str]:
    """What `ps` shows of a process and of all that it started."""
    yield Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
        if parent == pid:
            yield from _shown_below(int(stat.parent.name))


@pytest.mark.slow
def test_the_bytes_of_the_database_tell_no_secret(driven: Watched) -> None:
    if driven.stack.database_url:
        pytest.skip("the files of PostgreSQL's server are not ours to read; its rows are looked at below")
    files = list((driven.stack.directory / "data").glob("db.sqlite3*"))

    content = "".join(path.read_bytes().decode("latin-1") for path in files)

    assert len(content) > 100_000
    assert driven.planted.found_in(content) == []


@pytest.mark.slow
def test_no_file_of_the_storage_tells_a_secret_to_other_users(driven: Watched) -> None:
    data = driven.stack.directory / "data"

    assert data.stat().st_mode & 0o077 == 0
    for path in data.rglob("*"):
        if path.is_file() and driven.planted.found_in(path.read_bytes().decode("latin-1")):
            assert path.stat().st_mode & 0o077 == 0, path


# --- at rest, and in hand ---


@pytest.mark.django_db
def test_rows_tell_no_secret_in_clear(owner: User) -> None:
    key, secret = make_key(owner)
    signing = new_secret()
    CookieJar.objects.create(owner=owner, name="default", content=Sealed.of("planted-cookie"))
    make_endpoint(owner, secret=Sealed.of(signing))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = str(cursor.fetchall())
            for planted in (secret, signing, "planted-cookie", "a long password"):
                assert planted not in rows, table
    assert keys.recognise(secret) == key


@pytest.mark.django_db
def test_no_object_shows_its_secret(owner: User) -> None:
    key, secret = make_key(owner)
    jar = CookieJar.objects.create(owner=owner, name="default", content=Sealed.of("planted-cookie"))
    endpoint = make_endpoint(owner, secret=Sealed.of("planted-webhook"))

    for shown in (owner, key, jar, endpoint):
        text = f"{shown!r} {shown!s} {vars(shown)!r}"
        assert not any(planted in text for planted in (secret, "planted-cookie", "planted-webhook"))


def test_a_debug_page_shows_no_secret_setting(settings: Settings) -> None:
    settings.REDIS_URL = "redis://:planted-redis@localhost"
    settings.CACHES = settings.CACHES | {"other": {"LOCATION": "redis://:planted-redis@localhost"}}
    settings.SECRET_KEY_FALLBACKS = ["planted-fallback"]

    text = str(get_default_exception_reporter_filter().get_safe_settings())

    for planted in ("planted-redis", "planted-fallback", service.SECRET_KEY, *service.ENCRYPTION_KEYS):
        assert planted not in text


@pytest.mark.parametrize("name", ["secret_key", "encryption_keys"])
def test_what_was_generated_belongs_to_the_service_alone(name: str) -> None:
    path = Path(service.STORAGE_DIR) / "secrets" / name

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_uid == os.getuid()


@pytest.mark.django_db
def test_a_key_is_compared_by_digest_and_stored_as_nothing_else(owner: User) -> None:
    _, secret = make_key(owner)

    stored = ApiKey.objects.values().get()

    assert stored["digest"] == keys.digest(secret)
    assert [name for name, value in stored.items() if secret in str(value)] == []
    assert len(stored["prefix"]) <= keys.PREFIX_LENGTH
