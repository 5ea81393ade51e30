"""The service, started from this checkout as users start it, in its own directory; ended with all it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from bench import PROJECT, NotMeasured, memory
from bench.client import API_KEY, Client
from bench.command import FORMAT
from bench.origin import free_port

START_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: "subprocess.Popen[bytes]"
    port: int
    storage: Path
    log: Path

    def client(self) -> Client:
        return Client(self.port)


@contextmanager
def running_service(directory: Path, log: Path, **variables: str) -> Iterator[Service]:
    """Web and workers with a fresh SQLite database and no limits of rate; `variables` add to the environment."""
    service = _start(directory, log, variables)
    try:
        _wait_until_healthy(service)
        yield service
    finally:
        _stop(service)


def _start(directory: Path, log: Path, variables: dict[str, str]) -> Service:
    port = free_port()
    storage = directory / "data"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(storage),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "API_KEY": API_KEY,
        "ADMIN_PASSWORD": "a password for the benchmark",
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "YTDLP_FORMAT": FORMAT,
        "RATE_LIMIT_PER_MINUTE": "0",
        "RATE_LIMIT_PER_HOUR": "0",
        "MAX_DOWNLOADS_PER_HOST": "0",  # everything comes from one origin
        **variables,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Service(process, port, storage, log)


def _wait_until_healthy(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if service.process.poll() is not None:
            raise NotMeasured(f"the service ended: {_last_lines(service.log)}")
        if _is_healthy(service):
            return
        time.sleep(0.1)
    raise NotMeasured(f"the service is not healthy after {START_SECONDS} s: {_last_lines(service.log)}")


def _is_healthy(service: Service) -> bool:
    try:
        with service.client() as client:
            status, answer = client.call("GET", "/health")
    except (OSError, HTTPException, ValueError):  # it does not listen yet
        return False
    return status == 200 and answer["status"] == "healthy"


def _stop(service: Service) -> None:
    """Ctrl-C; whatever is left after the time that a stop may take is killed."""
    service.process.send_signal(signal.SIGINT)
    try:
        service.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()
    for pid in memory.with_variable("STORAGE_DIR", str(service.storage)):
        os.kill(pid, signal.SIGKILL)


def _last_lines(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]
