"""A whole installation, its results on S3, backed up while it runs and brought back elsewhere, on a plain disk."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.cookie_lines import line
from tests.journeys.stack import PROJECT, Stack, fresh_database, running_stack, start_stack, wait_until_ready
from tests.origin.server import Origin
from tests.s3 import S3Server, running_s3

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.timeout(300)]

PASSWORD = "a password for the journeys"
ISSUE_A_KEY = (
    "from accounts import keys; from accounts.models import User; "
    "print('KEY=' + keys.issue(User.objects.get(), 'kept', scopes=['admin']).secret)"
)


@dataclass
class Before:
    """What the first installation had."""

    stack: Stack
    variables: dict[str, str]
    job: dict[str, Any]
    key: str

    def manage(self, *arguments: str) -> str:
        return manage(self.stack.directory, self.variables, *arguments)


def manage(directory: Path, variables: dict[str, str], *arguments: str) -> str:
    """What `manage.py` prints, as an operator runs it beside a service."""
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(directory / "data"),
        "LOG_LEVEL": "ERROR",
        **{name: value for name, value in variables.items() if value},
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[Before]:
    directory = tmp_path_factory.mktemp("before")
    with Origin() as origin, running_stack(directory, **s3.variables("media")) as stack:
        variables = {**s3.variables("media"), "DATABASE_URL": stack.database_url}
        job = stack.wait(stack.submit(origin.url("/video.mp4"), write_info_json=True), "completed", "failed")
        assert job["status"] == "completed", (job, stack.log())
        cookies = {"cookies": line(domain="media.example"), "name": "kept"}
        assert stack.call("POST", "/cookies", json=cookies).status_code == 201
        key = re.search(r"KEY=(\S+)", manage(directory, variables, "shell", "-c", ISSUE_A_KEY))
        assert key
        yield Before(stack, variables, job, key[1])


def test_a_file_link_to_s3_works_with_curl(before: Before, tmp_path: Path, s3: S3Server) -> None:
    info = before.job["file_info"]

    subprocess.run(["curl", "-sSfOJ", info["file_url"]], cwd=tmp_path, check=True, timeout=30)
    subprocess.run(["curl", "-sSf", "-r", "0-999", "-o", "part", info["file_url"]], cwd=tmp_path, check=True)

    [whole] = [path for path in tmp_path.iterdir() if path.name != "part"]
    assert whole.name == info["filename"]
    assert whole.read_bytes()[:1000] == (tmp_path / "part").read_bytes()
    head = s3.client.head_object(Bucket="media-tests", Key=f"media/{info['file_path']}")
    assert head["Metadata"]["sha256"] == hashlib.sha256(whole.read_bytes()).hexdigest()
    assert len(s3.stored_keys("media/")) == len(before.job["files"]) == 2


def test_a_restored_installation_has_its_files_accounts_and_secrets(
    before: Before, tmp_path: Path, origin: Origin
) -> None:
    backup = tmp_path / "backups" / "first"
    made = before.manage("backup", str(backup), "--results")
    assert "2 results" in made
    assert backup.stat().st_mode & 0o077 == 0

    with fresh_database() as database_url:
        variables = {"DATABASE_URL": database_url}
        restored = manage(tmp_path, variables, "restore", str(backup))
        assert "with 2 results" in restored
        assert "nothing wrong" in manage(tmp_path, variables, "storage", "check", "--deep")
        rotated = manage(tmp_path, variables, "rotate_cookie_keys")
        assert "CookieJar.content: 0 encrypted anew, 1 were under the first key already, 0 unreadable" in rotated
        check_service(before, tmp_path, variables, origin)


def check_service(before: Before, directory: Path, variables: dict[str, str], origin: Origin) -> None:
    """Start what was restored, with another first key and password, and use it as before."""
    stack = start_stack(directory, {**variables, "API_KEY": "another-key-for-it", "ADMIN_PASSWORD": "another one"})
    try:
        wait_until_ready(stack)
        headers = {"X-API-Key": before.key}
        link = urlsplit(before.job["file_info"]["file_url"])
        fetched = requests.get(stack.url(f"{link.path}"), timeout=10)
        told = requests.get(stack.url(f"/api/v1/download/{before.job['request_id']}"), headers=headers, timeout=10)
        more = requests.post(
            stack.url("/api/v1/download"), headers=headers, json={"url": origin.url("/video.mp4")}, timeout=10
        )

        assert (fetched.status_code, len(fetched.content)) == (200, before.job["file_info"]["size_bytes"])
        assert told.json()["status"] == "completed"
        assert more.status_code == 202
        assert signed_in(stack)
    finally:
        stack.stop()


def signed_in(stack: Stack) -> bool:
    """Whether the administrator's password of the first installation opens the pages."""
    with requests.Session() as browser:
        page = browser.get(stack.url("/accounts/login"), timeout=10).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": "admin", "password": PASSWORD}
        answer = browser.post(stack.url("/accounts/login"), data=form, timeout=10, allow_redirects=False)
        return answer.status_code == 302 and "sessionid" in browser.cookies
