"""The service as production runs it: web and workers, each under a supervisor of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

from bench.memory import tree, with_variable
from tests.chaos import PROJECT
from tests.chaos.ledger import Ledger
from tests.chaos.units import Unit, kill_all
from tests.journeys.stack import API_KEY, Stack, free_port

LEASE_SECONDS = 6
GRACE_SECONDS = 10
SLOTS = 20
WORKER_READY = '"worker ready"'


@dataclass
class Service:
    """A running service, and eyes on its processes."""

    stack: Stack  # the calls that tests make
    web: Unit
    worker: Unit
    ledger: Ledger
    storage: Path

    def call(self, method: str, path: str, *, seconds: float = 60, **options: Any) -> requests.Response:
        """A request below /api/v1, again while nobody listens or the service says that it cannot work just now."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(requests.ConnectionError, requests.Timeout):
                response = self.stack.call(method, path, **options)
                is_busy = response.status_code == 409 and "Idempotency-Key" in options.get("headers", {})
                if not is_busy and response.status_code not in (500, 502, 503):
                    return response
            assert time.monotonic() < deadline, f"{method} {path}: no answer within {seconds} s\n{self.log()[-2000:]}"
            time.sleep(0.1)

    def log(self) -> str:
        return self.stack.log()

    def wait_until_ready(self, *, seconds: float = 90) -> None:
        """Until the web answers and its workers beat."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(requests.ConnectionError, requests.Timeout, ValueError):
                if self.stack.call("GET", "/health").json()["status"] == "healthy":
                    return
            assert time.monotonic() < deadline, f"not healthy within {seconds} s\n{self.log()[-4000:]}"
            time.sleep(0.05)

    # --- processes ---

    def worker_processes(self) -> list[int]:
        """The worker's main process and all below it."""
        return tree(self.worker.pid)

    def children(self) -> list[int]:
        """The confined processes of downloads: those that lead a session in a work directory."""
        return [pid for pid in in_directory(self.storage / "work") if leads_session(pid)]

    def programs(self, name: str) -> list[int]:
        """Programs of that name that downloads run."""
        return [pid for pid in in_directory(self.storage / "work") if name in program(pid)]

    def busy(self) -> list[int]:
        """The pool's processes that have a download under way."""
        return sorted({parent(pid) for pid in self.children()} - {1})

    def strays(self) -> list[str]:
        """Processes and directories of downloads; none is right when no job is live."""
        work = self.storage / "work"
        directories = [path.name for path in work.iterdir() if path.is_dir()] if work.is_dir() else []
        return [*(f"process {pid}" for pid in in_directory(work)), *(f"directory {name}" for name in directories)]

    def partial_bytes(self, job: str) -> int:
        """The size of what a download has, as far as it is in no file of its own yet."""
        return sum(path.stat().st_size for path in (self.storage / "work" / job).glob("*.part"))

    def stray_files(self) -> list[str]:
        """Stored files that no row knows."""
        files = self.storage / "files"
        stored = {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()}
        known = {row[0] for row in self.ledger.rows("SELECT path FROM jobs_mediafile WHERE deleted_at IS NULL")}
        return sorted(stored - known)


S = TypeVar("S", bound="Service")


@contextmanager
def running_service(directory: Path, ledger_url: str = "", **variables: str) -> Iterator[Service]:
    """A service on a fresh database: SQLite unless a URL is given. Whatever is left of it afterwards is killed."""
    service = start_web(Service, directory, ledger_url, variables)
    try:
        environment = environment_of(service.storage, service.stack.port, ledger_url, variables)
        service.worker = Unit([sys.executable, "manage.py", "worker"], environment, directory / "service.log")
        service.wait_until_ready()
        yield service
    finally:
        for unit in {service.web, service.worker}:
            unit.kill()
        kill_all([*with_variable("STORAGE_DIR", str(service.storage)), *in_directory(service.storage)])


def start_web(kind: type[S], directory: Path, ledger_url: str, variables: Mapping[str, str]) -> S:
    """The web alone, on a database that is set up now. Until there is one, it stands for the worker too."""
    storage = directory / "data"
    port = free_port()
    environment = environment_of(storage, port, ledger_url, variables)
    setup = [sys.executable, "manage.py", "setup"]
    subprocess.run(setup, cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)
    log = directory / "service.log"
    web = Unit([f"{Path(sys.executable).parent}/gunicorn", "downloader_project.wsgi"], environment, log)
    stack = Stack(directory, port, web.process, ledger_url)
    return kind(stack, web, web, Ledger(url=ledger_url, file=storage / "db.sqlite3"), storage)


def environment_of(storage: Path, port: int, ledger_url: str, variables: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ENV_FILE": os.devnull,
        "STORAGE_DIR": str(storage),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": "2",
        "WEB_THREADS": "8",
        "MAX_CONCURRENT_DOWNLOADS": str(SLOTS),
        "MAX_DOWNLOADS_PER_HOST": "0",
        "API_KEY": API_KEY,
        "ADMIN_PASSWORD": "a password for the chaos",
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "RATE_LIMIT_PER_MINUTE": "0",
        "RATE_LIMIT_PER_HOUR": "0",
        "RETRY_DELAY": "0.5",
        "WEBHOOK_RETRY_DELAY": "1",
        "WEBHOOK_TIMEOUT": "5",
        "FREE_DISK_FLOOR_BYTES": "1000000",
        "FILE_RETENTION_HOURS": "24",  # more than any clock is moved by
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "SHUTDOWN_GRACE_SECONDS": str(GRACE_SECONDS),
        **({"DATABASE_URL": ledger_url} if ledger_url else {}),
        **variables,
    }


# --- the kernel's view ---


def in_directory(directory: Path) -> list[int]:
    """Living processes that run in the directory or below."""
    top = str(directory.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            if entry.name.isdigit() and f"{(entry / 'cwd').readlink()}/".startswith(f"{top}/"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def parent(pid: int) -> int:
    """0 when it is gone."""
    return _stat(pid)[1]


def leads_session(pid: int) -> bool:
    return _stat(pid)[3] == pid


def children_of(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def program(pid: int) -> str:
    """The path of its executable; empty when it is gone."""
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/exe").readlink())
    return ""


def _stat(pid: int) -> tuple[int, int, int, int]:
    """Id, parent, group, session."""
    try:
        _, parent_, group, session, *_ = (
            Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return pid, 0, 0, 0
    return pid, int(parent_), int(group), int(session)
