"""What tests of the engine share: a warm process, and a port that nobody may connect to."""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from jobs.engine.warm import warm
from tests.jobs.engine.looking import Done, attempt
from tests.origin import media
from tests.origin.server import Origin

Download = Callable[..., Done]


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """As in a worker; without it, every child would take a second to start."""
    media.directory()
    warm(media.tools())


@pytest.fixture
def download(origin: Origin, tmp_path: Path) -> Download:
    """Download a path of the origin, with these options, limits and fields of the request."""
    return partial(attempt, origin, tmp_path)


@pytest.fixture
def forbidden() -> Iterator["ForbiddenPort"]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield ForbiddenPort(listener)


class ForbiddenPort:
    """A loopback listener that no policy allows."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.host = f"127.0.0.1:{listener.getsockname()[1]}"

    def was_connected_to(self) -> bool:
        """Whether a connection waits, or waited and was given up."""
        self._listener.settimeout(0.0)
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True
