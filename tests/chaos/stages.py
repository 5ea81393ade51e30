"""Builds what scenarios are played on: databases, brokers, disks, services."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tests.chaos.hosts import ADDRESS, Unavailable, running_fleet
from tests.chaos.scene import LOOPBACK, OwnRedis, Stage
from tests.chaos.service import Service, running_service
from tests.chaos.verdict import Judge
from tests.journeys.stack import free_port
from tests.postgres import Server, own_server, programs_directory
from tests.receiver import Receiver

SMALL_DISK_BYTES = 400_000_000


@contextmanager
def built(database: str, variables: Mapping[str, str], judge: Judge) -> Iterator[Stage]:
    """A stage with a fresh database; all of it is gone when the block ends. Raises Unavailable."""
    wanted = dict(variables)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="media-chaos-")))
        if wanted.pop("STORAGE", "") == "small":
            stack.enter_context(_small_disk(directory))
        has_hosts = bool(wanted.pop("HOSTS", ""))
        host = ADDRESS if has_hosts else LOOPBACK
        where = {"host": "0.0.0.0", "port": free_port()} if has_hosts else {}
        postgres = (
            stack.enter_context(own_server(programs_directory()[0], **where)) if database == "postgresql" else None
        )
        redis = None
        if wanted.pop("REDIS", ""):
            redis = OwnRedis(directory)
            stack.callback(redis.stop)
            redis.start()
            wanted["REDIS_URL"] = redis.url
        receiver = stack.enter_context(Receiver(host="0.0.0.0" if has_hosts else LOOPBACK))
        if has_hosts and postgres is not None:
            service: Service = stack.enter_context(running_fleet(directory, postgres, database_of(postgres)))
        else:
            service = stack.enter_context(running_service(directory, database_of(postgres), **wanted))
        response = service.call("POST", "/webhooks", json={"url": receiver.url(host=host)})
        assert response.status_code == 201, response.text
        yield Stage(service, receiver, judge, database, directory, postgres, redis, host=host)


def database_of(postgres: Server | None) -> str:
    """A database's URL; empty for SQLite, which lies in the service's own directory."""
    if postgres is None:
        return ""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE chaos")
    return postgres.url.replace("/postgres?", "/chaos?")


@contextmanager
def _small_disk(directory: Path) -> Iterator[None]:
    mount = directory / "data"
    mount.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "chaos"]
    if subprocess.run(["mount", *options, str(mount)], check=False, capture_output=True).returncode:
        raise Unavailable("a small disk needs the right to mount one: run as root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
