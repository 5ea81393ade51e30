"""Two worker hosts on one machine that share nothing but the database and the store: each has a network, a name and a
disk of its own. One is cut off in the middle, or loses its disk.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from bench.memory import with_variable
from tests.chaos.scene import Scene
from tests.chaos.service import LEASE_SECONDS, Service, environment_of, in_directory, start_web
from tests.chaos.units import Unit, kill_all
from tests.postgres import Server

ADDRESS = "10.231.0.1"  # of this machine, as all hosts see it
NETWORK = "10.231.0.0/16"
GONE_SECONDS = LEASE_SECONDS + 12  # a lease, a call to the database that hangs, and the end of the processes


class Unavailable(Exception):
    """This machine cannot build the stage. The message says what is missing."""


@dataclass
class Host:
    """One worker host."""

    name: str
    number: int
    storage: Path
    unit: Unit | None = None

    @property
    def link(self) -> str:
        return f"chaos{self.number}"

    def cut_off(self) -> None:
        ip("link", "set", self.link, "down")

    def connect(self) -> None:
        ip("link", "set", self.link, "up")


@dataclass
class Fleet(Service):
    """A service of which the workers run on hosts of their own."""

    hosts: list[Host] = field(default_factory=list)

    def strays(self) -> list[str]:
        """On any of the hosts."""
        return [f"{host.name}: {stray}" for host in self.hosts for stray in _strays(host.storage / "work")]


def cut_off(scene: Scene) -> None:
    """The jobs of the host that is away are done elsewhere; its own processes notice, and end."""
    fleet = _fleet(scene)
    lost = fleet.hosts[0]
    taken = _jobs_of(scene, lost)
    scene.require(bool(taken), f"{lost.name} had no job when it was cut off")
    lost.cut_off()
    begun = time.monotonic()
    try:
        scene.wait(lambda: not in_directory(lost.storage / "work"), seconds=60, what="the lost host's downloads end")
        took = time.monotonic() - begun
        scene.require(took <= GONE_SECONDS, f"the lost host went on for {took:.0f} s")
        scene.wait(lambda: set(scene.states().values()) <= {"completed"}, seconds=90, what="the other host did it all")
    finally:
        lost.connect()


def lose_disk(scene: Scene) -> None:
    """The host restarts what it had itself, and leaves the rest alone. It takes no more jobs until the disk is back."""
    fleet = _fleet(scene)
    lost, other = fleet.hosts
    scene.wait(lambda: _jobs_of(scene, lost), seconds=30, what=f"{lost.name} has a job")  # it may just have come back
    mine, others = _jobs_of(scene, lost), _jobs_of(scene, other)
    work = lost.storage / "work"
    work.rename(work.with_name("lost"))
    work.write_text("the disk is gone")
    try:
        kill_all(in_directory(work.with_name("lost")))
        scene.wait(lambda: set(scene.states().values()) <= {"completed"}, seconds=90, what="the other host did it all")
    finally:
        work.unlink()
        for kept in work.with_name("lost").glob(".published-*"):  # of what no job knows, a host's disk tells alone
            work.mkdir(exist_ok=True)
            kept.rename(work / kept.name)
        shutil.rmtree(work.with_name("lost"))
    attempts = dict(scene.service.ledger.rows("SELECT public_id, attempts FROM jobs_job"))
    scene.require(bool(mine), f"{lost.name} had no job when its disk was lost")
    disturbed = [job for job in others if attempts[job] != 1]
    scene.require(not disturbed, f"jobs of {other.name} were begun again: {disturbed}")


@contextmanager
def running_fleet(directory: Path, server: Server, database_url: str) -> Iterator[Fleet]:
    """A web and two worker hosts. Raises Unavailable."""
    with _networks() as names:
        server.admit(NETWORK)
        url = f"{database_url.partition('?')[0].replace('@', f'@{ADDRESS}:{server.port}')}"
        shared = directory / "store"
        shared.mkdir()
        hosts = [Host(name, number, directory / name) for number, name in enumerate(names)]
        for storage in (directory / "data", *(host.storage for host in hosts)):
            storage.mkdir(mode=0o700)
            (storage / "files").symlink_to(shared)
        secrets = {
            "SECRET_KEY": "one for all hosts of the chaos, long enough",
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        yield from _run(directory, hosts, url, secrets)


def _run(directory: Path, hosts: list[Host], url: str, secrets: dict[str, str]) -> Iterator[Fleet]:
    variables = {**secrets, "MAX_CONCURRENT_DOWNLOADS": "10"}
    fleet = start_web(Fleet, directory, url, variables)
    fleet.hosts = hosts
    log = directory / "service.log"
    try:
        for host in hosts:
            environment = environment_of(host.storage, fleet.stack.port, url, variables)
            command = [sys.executable, "manage.py", "worker"]
            inside = ["ip", "netns", "exec", host.link, "unshare", "--uts", "sh", "-c"]
            script = f'hostname {host.name} && exec "$@"'
            host.unit = Unit([*inside, script, "sh", *command], environment, log)
        fleet.worker = hosts[0].unit or fleet.worker
        fleet.wait_until_ready()
        workers = "SELECT count(*) FROM jobs_worker"
        deadline = time.monotonic() + 60
        while fleet.ledger.rows(workers)[0][0] < len(hosts):
            assert time.monotonic() < deadline, "the workers of all hosts beat"
            time.sleep(0.1)
        yield fleet
    finally:
        for unit in (fleet.web, *(host.unit for host in hosts if host.unit)):
            unit.kill()
        for storage in (directory / "data", *(host.storage for host in hosts)):
            kill_all([*with_variable("STORAGE_DIR", str(storage)), *in_directory(storage)])


@contextmanager
def _networks() -> Iterator[Sequence[str]]:
    """Two of them, each with a way to this machine and to nowhere else."""
    names = ("host-a", "host-b")
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise Unavailable("hosts with networks of their own need root and the program ip (package iproute2)")
    try:
        ip("address", "add", f"{ADDRESS}/32", "dev", "lo")
        for number in range(len(names)):
            _connect(number)
    except subprocess.CalledProcessError as error:
        _remove(len(names))
        raise Unavailable(f"no networks of their own: {error.stderr.decode().strip()}") from error
    try:
        yield names
    finally:
        _remove(len(names))


def _connect(number: int) -> None:
    name, inner = f"chaos{number}", f"chaosin{number}"
    ip("netns", "add", name)
    ip("link", "add", name, "type", "veth", "peer", "name", inner)
    ip("link", "set", inner, "netns", name)
    ip("address", "add", f"10.231.{number + 1}.1/24", "dev", name)
    ip("link", "set", name, "up")
    within = ("-n", name)
    ip(*within, "link", "set", "lo", "up")
    ip(*within, "address", "add", f"10.231.{number + 1}.2/24", "dev", inner)
    ip(*within, "link", "set", inner, "up")
    ip(*within, "route", "add", "default", "via", f"10.231.{number + 1}.1")


def _remove(count: int) -> None:
    for number in range(count):
        subprocess.run(["ip", "netns", "del", f"chaos{number}"], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", f"chaos{number}"], check=False, capture_output=True)
    subprocess.run(["ip", "address", "del", f"{ADDRESS}/32", "dev", "lo"], check=False, capture_output=True)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _fleet(scene: Scene) -> Fleet:
    assert isinstance(scene.service, Fleet)
    return scene.service


def _jobs_of(scene: Scene, host: Host) -> list[str]:
    """The jobs that run on a host."""
    of_host = f"SELECT public_id FROM jobs_job WHERE state = 'running' AND worker_host = '{host.name}'"
    return [job for (job,) in scene.service.ledger.rows(of_host)]


def _strays(work: Path) -> list[str]:
    directories = [path.name for path in work.iterdir() if path.is_dir()] if work.is_dir() else []
    return [*(f"process {pid}" for pid in in_directory(work)), *(f"directory {name}" for name in directories)]
