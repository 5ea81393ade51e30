"""The proxy's configuration in a real nginx, in front of the real application: TLS, results by X-Accel-Redirect."""

import hashlib
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from django.test import RequestFactory
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from jobs.models import MediaFile
from jobs.states import State
from media_api.files import link_for
from tests.deploy.documents import PROJECT
from tests.factories import make_file, make_job
from tests.journeys.stack import free_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
MIME_TYPES = Path("/etc/nginx/mime.types")
CONTENT = bytes(range(256)) * 4000
DEADLINE_SECONDS = 10
pytestmark = [
    pytest.mark.skipif(NGINX is None or not MIME_TYPES.is_file(), reason="nginx is not installed"),
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@dataclass(frozen=True)
class Proxy:
    """A running nginx and what it wrote."""

    plain: str
    secure: str
    directory: Path

    def get(self, path: str, **headers: str) -> requests.Response:
        certificate = str(self.directory / "certificates" / "fullchain.pem")
        address = path if path.startswith("http:") else f"{self.secure}{path}"
        return requests.get(address, headers=headers, verify=certificate, allow_redirects=False, timeout=10)

    def log(self) -> str:
        return (self.directory / "access.log").read_text()


@pytest.fixture
def proxy(tmp_path: Path, live_server: LiveServer, settings: Settings) -> Iterator[Proxy]:
    settings.ACCEL_LOCATION = "/stored/"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "127.0.0.1"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    plain, secure = free_port(), free_port()
    configuration = (PROJECT / "deploy" / "nginx" / "nginx.conf").read_text()
    for theirs, ours in {
        "web:8080": live_server.url.removeprefix("http://"),
        "listen 8080": f"listen 127.0.0.1:{plain}",
        "listen 8443": f"listen 127.0.0.1:{secure}",
        "alias /files/": f"alias {settings.FILES_DIR}/",
        "/dev/stdout": f"{tmp_path}/access.log",
        "pid /tmp/": f"user root;\npid {tmp_path}/",
        "_temp_path /tmp/": f"_temp_path {tmp_path}/",
    }.items():
        assert theirs in configuration
        configuration = configuration.replace(theirs, ours)
    (tmp_path / "nginx.conf").write_text(configuration)
    shutil.copy(MIME_TYPES, tmp_path)
    make_certificate(tmp_path / "certificates")
    command = [str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        wait_for(secure)
        yield Proxy(f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}", tmp_path)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_SECONDS)


def make_certificate(directory: Path) -> None:
    """As docs/deployment.md makes one to try things out with."""
    directory.mkdir()
    key, certificate = directory / "privkey.pem", directory / "fullchain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip


def wait_for(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def stored(owner: User, settings: Settings) -> MediaFile:
    file = make_file(
        make_job(owner, State.COMPLETED),
        path="videos/Grüße aus Köln 100%.mp4",
        size_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )
    path = Path(settings.FILES_DIR) / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    return file


def path_of(file: MediaFile) -> str:
    return re.sub(r"^https?://[^/]+", "", link_for(file, RequestFactory().get("/")))


def test_nginx_sends_a_result_and_its_ranges_with_the_headers_that_it_needs(proxy: Proxy, stored: MediaFile) -> None:
    whole = proxy.get(path_of(stored), **{"X-Request-ID": "through-the-proxy"})
    part = proxy.get(path_of(stored), Range="bytes=1000-1999", **{"If-Range": whole.headers["ETag"]})
    same = proxy.get(path_of(stored), **{"If-None-Match": whole.headers["ETag"]})

    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.headers["Server"] == "nginx"
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert whole.headers["Content-Type"] == stored.mime_type
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert "max-age" in whole.headers["Strict-Transport-Security"]
    assert whole.headers["X-Request-ID"] == "through-the-proxy"
    assert "X-Accel-Redirect" not in whole.headers
    assert (part.status_code, part.content) == (206, CONTENT[1000:2000])
    assert same.status_code == 304


def test_nobody_reaches_the_results_past_the_service(proxy: Proxy, stored: MediaFile) -> None:
    assert proxy.get(f"/stored/{stored.path}").status_code == 404
    assert proxy.get("/stored/../secrets/secret_key").status_code == 404
    assert proxy.get(path_of(stored).replace(":", ":x")).status_code == 404


def test_plain_http_is_sent_to_tls_with_its_method(proxy: Proxy) -> None:
    answer = proxy.get(f"{proxy.plain}/api/v1/download?page=2")

    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://127.0.0.1/api/v1/download?page=2"


def test_the_log_opens_nothing(proxy: Proxy, stored: MediaFile) -> None:
    address = path_of(stored)
    proxy.get(address)
    proxy.get("/version?token=secret")
    proxy.get("/s/a-secret-token")

    assert "secret" not in proxy.log()
    assert address.split("/")[2] not in proxy.log()
    assert "GET /version" in proxy.log()
