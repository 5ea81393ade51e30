"""The whole service as a user starts it: web and workers from the Procfile, in a directory of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[2]
API_KEY = "a-key-for-the-journeys"
START_SECONDS = 90
STOP_SECONDS = 20


@dataclass(frozen=True)
class Process:
    """A process as long as it lives: its id may be another's later. Its parent may change meanwhile."""

    pid: int
    started: str  # in clock ticks since the machine's start
    parent: int = field(compare=False)


@dataclass
class Stack:
    """A running service and the calls that tests make to it."""

    directory: Path
    port: int
    process: "subprocess.Popen[bytes]"
    database_url: str
    session: requests.Session = field(default_factory=requests.Session)
    seen: set["Process"] = field(default_factory=set)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request below /api/v1 with the key."""
        headers = {"X-API-Key": API_KEY, **options.pop("headers", {})}
        return self.session.request(method, self.url(f"/api/v1{path}"), headers=headers, timeout=30, **options)

    def submit(self, url: str, **fields: Any) -> str:
        """POST a download and return its id."""
        response = self.call("POST", "/download", json={"url": url, **fields})
        assert response.status_code == 202, response.text
        return str(response.json()["request_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        response = self.call("GET", f"/download/{job_id}")
        assert response.status_code == 200, response.text
        return dict(response.json())

    def wait(self, job_id: str, *states: str, seconds: float = 30) -> dict[str, Any]:
        """The job as soon as it is in one of the states."""
        return self.wait_until(lambda: self.job(job_id), lambda job: job["status"] in states, seconds=seconds)

    def wait_until(self, read: Callable[[], T], holds: Callable[[T], bool], *, seconds: float = 30) -> T:
        """What `read` gives as soon as it holds; an assertion with the last answer when time is over."""
        deadline = time.monotonic() + seconds
        while True:
            value = read()
            if holds(value):
                return value
            assert time.monotonic() < deadline, f"not within {seconds} s: {value}\n{self.log()[-3000:]}"
            time.sleep(0.02)

    def log(self) -> str:
        return (self.directory / "service.log").read_text(errors="replace")

    def processes(self) -> list[int]:
        """Every living process that the service started, as far as this was called while its parent lived."""
        living = running_processes()
        self.seen = {known for known in self.seen if known in living} | {
            process for process in living if process.pid == self.process.pid
        }
        while more := {process for process in living if process.parent in {one.pid for one in self.seen}} - self.seen:
            self.seen |= more
        return sorted(process.pid for process in self.seen)

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running_stack(directory: Path, **variables: str) -> Iterator[Stack]:
    """The service with a fresh database, its variables as given; ended with everything it started."""
    with fresh_database() as database_url:
        stack = start_stack(directory, {"DATABASE_URL": database_url, **variables})
        try:
            wait_until_ready(stack)
            yield stack
        finally:
            try:
                stack.stop()
            finally:
                for pid in stack.processes():
                    os.kill(pid, signal.SIGKILL)


def start_stack(directory: Path, variables: Mapping[str, str]) -> Stack:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(directory / "data"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": "1",
        "WEB_THREADS": "8",
        "MAX_CONCURRENT_DOWNLOADS": "4",
        "API_KEY": API_KEY,
        "ADMIN_PASSWORD": "a password for the journeys",
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "RATE_LIMIT_PER_MINUTE": "0",
        "RATE_LIMIT_PER_HOUR": "0",
        "RETRY_DELAY": "0.5",
        "PYTHONWARNINGS": "default",
        **{name: value for name, value in variables.items() if value},
    }
    with (directory / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"], cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    return Stack(directory, port, process, variables.get("DATABASE_URL", ""))


def wait_until_ready(stack: Stack) -> None:
    """Until web and workers answer as healthy."""

    def health() -> dict[str, Any]:
        assert stack.process.poll() is None, f"the service ended:\n{stack.log()}"
        try:
            return dict(stack.session.get(stack.url("/api/v1/health"), timeout=5).json())
        except requests.ConnectionError:
            return {}

    stack.wait_until(health, lambda answer: answer.get("status") == "healthy", seconds=START_SECONDS)
    stack.processes()


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty PostgreSQL database when the suite runs on PostgreSQL; empty for SQLite."""
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server:
        yield ""
        return
    name = f"media_journeys_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def running_processes() -> set[Process]:
    """All of this machine that are no zombies."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            pid, _, rest = path.read_text(errors="replace").partition(" ")
            state, parent, *more = rest.rpartition(")")[2].split()
            if state != "Z":
                found.add(Process(int(pid), started=more[17], parent=int(parent)))
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
