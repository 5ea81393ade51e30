"""The web server against clients that are slow, silent or unusual: real gunicorn, a real socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.journeys.stack import PROJECT, free_port

pytestmark = pytest.mark.slow

DOWNLOADS = "/api/v1/download"
THREADS = 4
TIMEOUT_SECONDS = 2
ESTABLISHED = "01"
LARGEST_BODY_BYTES = 4096
FILE_BYTES = 64 * 1024 * 1024
HALF = f"POST {DOWNLOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@dataclass
class Server:
    """A running gunicorn."""

    port: int
    log: Path
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def connect(self, sent: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        client.sendall(sent.encode())
        return client

    def answer(self, sent: str) -> str:
        """Everything until the server ends the connection."""
        with self.connect(sent) as client:
            received = b""
            while data := client.recv(65536):
                received += data
        return received.decode()

    def is_well(self, *, seconds: float) -> bool:
        """Whether it answers in time."""
        return requests.get(self.url("/api/v1/health"), timeout=seconds).status_code == 200

    def connections(self) -> list[bool]:
        """For each established connection, on the server's side: whether all that came has been read."""
        table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        mine = [row for row in table if row[1].endswith(f":{self.port:04X}") and row[3] == ESTABLISHED]
        return [row[4].endswith(":00000000") for row in mine]


def start(directory: Path, **variables: str) -> Server:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(directory / "data"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": "1",
        "WEB_THREADS": str(THREADS),
        "RATE_LIMIT_PER_MINUTE": "0",
        "RATE_LIMIT_PER_HOUR": "0",
        "MAX_REQUEST_BODY_BYTES": str(LARGEST_BODY_BYTES),
        "CLIENT_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        **variables,
    }
    setup = [sys.executable, "manage.py", "setup"]
    subprocess.run(setup, cwd=PROJECT, env=environment, check=True, capture_output=True)
    log = directory / "web.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "downloader_project.wsgi"],
            cwd=PROJECT,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    return Server(port, log, process, environment)


def wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if server.is_well(seconds=30):
                return
        except requests.ConnectionError:
            assert server.process.poll() is None, server.log.read_text()
            time.sleep(0.05)
    pytest.fail(server.log.read_text())


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running(directory: Path, **variables: str) -> Iterator[Server]:
    server = start(directory, **variables)
    try:
        wait_until_it_answers(server)
        yield server
    finally:
        server.process.terminate()
        server.process.wait(20)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("closed"), CLIENT_TIMEOUT_SECONDS="30") as server:
        yield server


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("open"), REQUIRE_API_KEY="false") as server:
        yield server


@pytest.mark.parametrize("framing", ["Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"])
def test_bodies_that_strangers_send_by_half_block_nobody(closed: Server, framing: str) -> None:
    with ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(closed.connect(HALF + framing))
        wait_until(lambda: all(closed.connections()), seconds=10)

        assert closed.is_well(seconds=4)


def test_a_stranger_is_refused_before_the_body_has_come(closed: Server) -> None:
    started = time.monotonic()

    answer = closed.answer(f"{HALF}Content-Length: 1000\r\n\r\n{{")

    assert " 401 " in answer.splitlines()[0]
    assert time.monotonic() - started < 3


def test_a_stranger_with_a_whole_body_keeps_the_connection(closed: Server) -> None:
    with requests.Session() as session:
        first = session.post(closed.url(DOWNLOADS), json={"url": "x" * 2000})
        second = session.post(closed.url(DOWNLOADS), json={"url": "x" * 2000})

    assert [first.status_code, second.status_code] == [401, 401]
    assert first.headers["Connection"] == "keep-alive"


@pytest.mark.parametrize("framing", ["Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"])
def test_a_body_that_stops_coming_is_a_408(open_to_all: Server, framing: str) -> None:
    answer = open_to_all.answer(HALF + framing)

    assert " 408 " in answer.splitlines()[0]
    assert json.loads(answer.partition("\r\n\r\n")[2])["error"]["code"] == "BAD_REQUEST"
    assert "Traceback" not in open_to_all.log.read_text()


def test_headers_that_stop_coming_end_the_connection(open_to_all: Server) -> None:
    started = time.monotonic()

    assert open_to_all.answer(HALF) == ""

    assert time.monotonic() - started < TIMEOUT_SECONDS + 4
    assert "Traceback" not in open_to_all.log.read_text()


def test_connections_that_clients_leave_open_stop_nobody(open_to_all: Server) -> None:
    with ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(open_to_all.connect("nonsense\r\n\r\n"))
        wait_until(lambda: all(open_to_all.connections()), seconds=10)

        assert open_to_all.is_well(seconds=4)


def test_a_chunked_body_is_read(open_to_all: Server) -> None:
    body = (part for part in [b'{"url": "ftp:', b'//x", "nonsense": 1}'])

    response = requests.post(
        open_to_all.url(DOWNLOADS), data=body, headers={"Content-Type": "application/json"}, timeout=10
    )

    assert response.status_code == 422
    assert {entry["field"] for entry in response.json()["error"]["details"]} == {"url", "nonsense"}


def test_a_chunked_form_is_read(open_to_all: Server) -> None:
    body = (part for part in [b"url=ftp%3A", b"//x&nonsense=1"])

    response = requests.post(
        open_to_all.url(DOWNLOADS),
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )

    assert {entry["field"] for entry in response.json()["error"]["details"]} == {"url", "nonsense"}


@pytest.mark.parametrize(("size", "status"), [(LARGEST_BODY_BYTES, 422), (LARGEST_BODY_BYTES + 1, 413)])
def test_a_chunked_body_above_the_limit_is_a_413(open_to_all: Server, size: int, status: int) -> None:
    body = (part for part in [b"{}", b" " * (size - 2)])

    response = requests.post(
        open_to_all.url(DOWNLOADS), data=body, headers={"Content-Type": "application/json"}, timeout=10
    )

    assert response.status_code == status


def test_a_chunked_body_of_nothing_is_an_empty_one(open_to_all: Server) -> None:
    answer = open_to_all.answer(f"{HALF}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert " 422 " in answer.splitlines()[0]


def test_chunks_that_make_no_sense_are_a_400(open_to_all: Server) -> None:
    answer = open_to_all.answer(f"{HALF}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")

    assert " 400 " in answer.splitlines()[0]


def test_a_long_query_reaches_the_service(open_to_all: Server) -> None:
    response = requests.get(open_to_all.url(DOWNLOADS), params={"nonsense": "x" * 8000}, timeout=10)

    assert response.status_code == 422


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        (f"GET /{'x' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {'x' * 9000}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\n\r\n", 417),
    ],
)
def test_what_is_no_request_is_refused_in_the_envelope(open_to_all: Server, request_text: str, status: int) -> None:
    head, _, body = open_to_all.answer(request_text).partition("\r\n\r\n")

    error = json.loads(body)["error"]
    assert f" {status} " in head.splitlines()[0]
    assert error["code"] == "BAD_REQUEST"
    assert f"X-Request-ID: {error['request_id']}" in head


@pytest.fixture(scope="module")
def big_file(open_to_all: Server) -> str:
    """The path of a link to a result of FILE_BYTES bytes."""
    code = (
        "from pathlib import Path; from django.conf import settings; from django.test import RequestFactory;"
        "from media_api.files import link_for; from tests.factories import make_file, make_job;"
        f"file = make_file(make_job(state='completed'), size_bytes={FILE_BYTES});"
        "path = Path(settings.FILES_DIR) / file.path; path.parent.mkdir(parents=True, exist_ok=True);"
        f"path.touch(); import os; os.truncate(path, {FILE_BYTES});"
        "print(link_for(file, RequestFactory().get('/', headers={'host': 'localhost'})).removeprefix('http://localhost'))"
    )
    command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", code]
    done = subprocess.run(command, cwd=PROJECT, env=open_to_all.environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_slow_client_gets_every_byte(open_to_all: Server, big_file: str) -> None:
    received = 0
    pause = threading.Event()
    with open_to_all.connect(f"GET {big_file} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow_until = time.monotonic() + 2 * TIMEOUT_SECONDS
        while data := client.recv(1024 * 1024):
            received += len(data)
            if time.monotonic() < slow_until:
                pause.wait(0.2)

    assert received > FILE_BYTES


def test_a_client_that_takes_nothing_is_cut_off(open_to_all: Server, big_file: str) -> None:
    received = 0
    with open_to_all.connect(f"GET {big_file} HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
        wait_until(lambda: not open_to_all.connections(), seconds=10 * TIMEOUT_SECONDS)
        while data := client.recv(1024 * 1024):
            received += len(data)

    assert 0 < received < FILE_BYTES
    assert "Traceback" not in open_to_all.log.read_text()


def test_the_web_server_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; command = [sys.executable, '-m', 'gunicorn', 'downloader_project.wsgi'];"
        "print(subprocess.Popen(command).pid, flush=True); input()"
    )
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "END_WITH_PARENT": "true",
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(tmp_path / "data"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": "1",
    }
    with (tmp_path / "web.log").open("wb") as log:
        parent = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert parent.stdout
    assert parent.stdin
    master = int(parent.stdout.readline())
    try:
        wait_until_it_answers(Server(port, tmp_path / "web.log", parent))

        parent.kill()
        parent.wait(10)

        deadline = time.monotonic() + 15
        while is_running(master) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_running(master)
    finally:
        parent.stdin.close()
        parent.stdout.close()
        if is_running(master):
            os.kill(master, signal.SIGTERM)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
