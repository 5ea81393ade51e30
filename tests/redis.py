"""A Redis of our own for tests, started from the installed program; the tests that need one say loudly if it is not."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.journeys.stack import free_port

START_SECONDS = 10


@contextmanager
def running_redis(directory: Path, *, password: str = "", port: int = 0) -> Iterator[str]:
    """The URL of an empty server on that port, or a free one; ended when the block ends."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("NO redis-server HERE: what Redis does is NOT TESTED in this run")
    port = port or free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", "", "--appendonly", "no"]
    if password:
        secret = directory / "redis.conf"
        secret.write_text(f"requirepass {password}\n")
        options = [str(secret), *options]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{port}/0"
    try:
        _await_answer(url)
        yield url
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        assert time.monotonic() < deadline, "the tests' Redis did not start in time"
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
