"""Browsers as the weapon: what every answer tells them, and what pages may not contain."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings as service
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from downloader_project import headers
from jobs.states import State
from tests.factories import make_file, make_job, make_key, make_user

pytestmark = pytest.mark.django_db

PROJECT = Path(__file__).resolve().parents[2]
CUSTOMERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
}
POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "frame-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
ANSWERS = {
    "a page": ("get", "/accounts/login", 200),
    "a redirect": ("get", "/", 302),
    "a page that is not there": ("get", "/nothing-here", 404),
    "a forged form": ("post", "/accounts/login", 403),
    "a sign-in of staff": ("get", "/admin/login/", 302),
    "an open call": ("get", "/api/v1/health", 200),
    "a call without a key": ("get", "/api/v1/download", 401),
    "a call that is not there": ("get", "/api/v1/nothing", 404),
    "a method that is not there": ("put", "/api/v1/health", 405),
    "a file that is not there": ("get", "/files/a:b:c/x.mp4", 404),
    "the description": ("get", "/openapi.json", 200),
    "Swagger": ("get", "/docs", 200),
    "ReDoc": ("get", "/redoc", 200),
    "the version": ("get", "/version", 200),
    "a preflight": ("options", "/api/v1/download", 200),
}


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def policy_of(response: Any) -> dict[str, str]:
    directives = (part.strip().partition(" ") for part in response["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in directives}


def assert_guarded(response: Any) -> None:
    for name, value in CUSTOMERS.items():
        assert response.headers.get(name) == value, name
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS.values(), ids=ANSWERS.keys())
def test_every_answer_has_the_headers(browser: Client, method: str, path: str, status: int) -> None:
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}

    response = getattr(browser, method)(path, headers=preflight if method == "options" else {})

    assert response.status_code == status
    assert_guarded(response)
    if path != "/redoc":
        assert policy_of(response) == POLICY


PRIVATE_PAGES = ("/", "/library", "/library/shared", "/accounts/cookies", "/accounts/webhooks", "/accounts/password")
PRIVATE_CALLS = ("/api/v1/downloads", "/api/v1/quota", "/api/v1/webhooks", "/api/v1/download/req_nothing")


@pytest.mark.parametrize("path", PRIVATE_PAGES)
def test_no_page_of_a_person_is_kept_for_the_next_one(client: Client, owner: User, path: str) -> None:
    client.force_login(owner)

    response = client.get(path)

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", PRIVATE_CALLS)
def test_no_answer_to_a_key_is_kept_for_another_one(client: Client, owner: User, path: str) -> None:
    """A cache in front cannot know that `X-API-Key` tells callers apart."""
    response = client.get(path, headers={"X-API-Key": make_key(owner)[1]})

    assert response.status_code in (200, 404)
    assert response.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/accounts/login", "/api/v1/health"])
def test_a_crash_has_the_headers(browser: Client, path: str) -> None:
    with (
        patch("accounts.views.SignIn.get_context_data", side_effect=RuntimeError("boom")),
        patch("media_api.views.health.report", side_effect=RuntimeError("boom")),
    ):
        response = browser.get(path)

    assert response.status_code == 500
    assert_guarded(response)
    assert b"boom" not in response.content


@pytest.mark.parametrize("middleware", ["media_api.traffic.TrafficMiddleware", "corsheaders.middleware.CorsMiddleware"])
def test_a_crash_of_what_stands_before_the_views_has_the_headers(middleware: str, browser: Client) -> None:
    with patch(f"{middleware}.__call__", side_effect=RuntimeError("boom")):
        response = browser.get("/version")

    assert response.status_code == 500
    assert_guarded(response)


def test_a_static_file_has_the_headers(browser: Client) -> None:
    (Path(service.STATIC_ROOT) / "probe.css").write_text("a{}")

    response = browser.get("/static/probe.css")

    assert b"".join(response.streaming_content) == b"a{}"
    assert_guarded(response)
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_result_has_the_headers_and_is_saved_rather_than_shown(browser: Client, owner: User) -> None:
    file = make_file(make_job(owner, State.COMPLETED), path="videos/page.mp4")
    path = Path(service.FILES_DIR) / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"<script>alert(1)</script>")

    response = browser.get(f"/files/{file.public_id}/page.mp4", headers={"X-API-Key": make_key(owner)[1]})

    assert b"".join(response.streaming_content) == path.read_bytes()
    response.close()
    assert_guarded(response)
    assert response["Content-Disposition"].startswith("attachment")


def test_what_the_web_server_refuses_itself_has_the_headers() -> None:
    told = headers.bare()

    assert CUSTOMERS.items() <= told.items()
    assert policy_of(HttpResponse(headers=told)) == POLICY


def test_only_redoc_may_use_inline_styles_and_nothing_inline_scripts(browser: Client) -> None:
    policies = {path: policy_of(browser.get(path)) for path in ("/redoc", "/docs", "/accounts/login", "/openapi.json")}

    loose = {path for path, policy in policies.items() if "unsafe" in str(policy)}
    assert loose == {"/redoc"}
    assert policies["/redoc"] == POLICY | {"style-src": "'self' 'unsafe-inline'", "worker-src": "'self' blob:"}


@pytest.mark.parametrize("secure", [True, False])
def test_hsts_goes_over_tls_only(browser: Client, secure: bool) -> None:
    response = browser.get("/api/v1/health", secure=secure)

    assert response.headers.get("Strict-Transport-Security") == (
        "max-age=31536000; includeSubDomains" if secure else None
    )


INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE
)
PAGES = (
    "/",
    "/accounts/password",
    "/accounts/second-factor",
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/apikey/add/",
    "/admin/jobs/job/",
    "/api/v1/download",
    "/docs",
    "/redoc",
)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_what_the_policy_forbids(path: str, client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    response = client.get(path, headers={"Accept": "text/html"})

    assert response.status_code == 200
    assert INLINE.findall(response.content.decode()) == []
    assert_guarded(response)


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


@pytest.mark.parametrize("path", ["/", "/jobs/{id}", "/jobs/rows", "/admin/jobs/job/", "/api/v1/download/{id}"])
def test_what_a_site_calls_its_video_is_text(path: str, client: Client) -> None:
    staff = make_user(is_staff=True, is_superuser=True)
    client.force_login(staff)
    job = make_job(staff, State.FAILED, title=HOSTILE, error=HOSTILE, url=f"https://media.example/{HOSTILE}")

    page = client.get(path.format(id=job.public_id), headers={"Accept": "text/html"}).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page


# --- other sites ---


def test_with_a_star_no_site_gets_credentials(browser: Client, settings: Settings) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS, settings.CORS_ALLOW_CREDENTIALS = True, service.CORS_ALLOW_CREDENTIALS

    response = browser.get("/api/v1/health", headers={"Origin": "https://evil.example"})

    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null", "https://xapp.example"],
)
def test_a_site_that_is_not_listed_is_told_nothing(browser: Client, settings: Settings, origin: str) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS, settings.CORS_ALLOWED_ORIGINS = False, ["https://app.example"]
    settings.CORS_ALLOW_CREDENTIALS = True

    response = browser.get("/api/v1/health", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_pages_answer_no_other_site(browser: Client, settings: Settings) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS = True

    response = browser.get("/accounts/login", headers={"Origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "evil.example:80", "a b", "[::"])
@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/accounts/login"])
def test_a_host_that_is_not_ours_is_answered_with_nothing(browser: Client, host: str, path: str) -> None:
    response = browser.get(path, headers={"Host": host})

    assert response.status_code == 400
    assert "evil" not in response.content.decode()
    assert_guarded(response)


def test_a_forwarded_host_is_not_believed(browser: Client) -> None:
    response = browser.get("/docs", headers={"X-Forwarded-Host": "evil.example"})

    assert "evil" not in response.content.decode()


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
@pytest.mark.parametrize("path", ["/accounts/login", "/admin/login/"])
def test_no_way_in_leads_out(client: Client, owner: User, path: str, target: str) -> None:
    fields = {"username": owner.username, "password": "a long password", "next": target}

    response = client.post(reverse("accounts:login") if "admin" in path else path, fields)

    assert response["Location"] == reverse("jobs:home")


# --- the configuration ---


def check(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "STORAGE_DIR": str(service.STORAGE_DIR)}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=PROJECT,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_checks_for_production_find_nothing() -> None:
    done = check("--deploy", "--fail-level", "INFO", PUBLIC_URL="https://media.example.org")

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("value", ["api/", "static", "../x", "a//b", "jobs/x"])
def test_a_path_that_hides_other_pages_is_none_for_the_administration(value: str) -> None:
    done = check(ADMIN_PATH=value)

    assert done.returncode != 0
    assert "ADMIN_PATH" in done.stderr


@pytest.mark.slow
def test_the_administration_can_stand_elsewhere() -> None:
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "STORAGE_DIR": str(service.STORAGE_DIR)}
    found = "reverse('admin:index'), resolve('/nobody/knows/login/').func.__name__"
    program = f"from django.urls import resolve, reverse; print({found})"

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", program],
        cwd=PROJECT,
        env=environment | {"ADMIN_PATH": "/nobody/knows"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["/nobody/knows/", "admin_sign_in"]


def test_debug_pages_are_off_unless_asked_for() -> None:
    assert not service.DEBUG
