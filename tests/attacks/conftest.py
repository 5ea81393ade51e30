"""What attacks share: an origin on an address that is allowed, and traps on addresses that are not."""

import contextlib
import errno
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.engine.warm import warm
from tests.origin import media
from tests.origin.server import Origin

ALLOWED_ADDRESS = "127.0.0.2"


@pytest.fixture(scope="session")
def warm_engine() -> None:
    """As in a worker; without it, every child would take a second to start."""
    media.directory()
    warm(media.tools())


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "req_mine"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def site() -> Iterator[Origin]:
    """The hostile site. It is on loopback, but its address and port are an exception to the policy."""
    with Origin(host=ALLOWED_ADDRESS) as running:
        yield running


class Trap:
    """Listeners on forbidden addresses, all on one port. They answer nobody, and remember who came."""

    ADDRESSES = ("127.0.0.1", "127.0.0.3", "::1")

    def __init__(self) -> None:
        self._listeners = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._listeners[0].getsockname()[1]
        for address in self.ADDRESSES[1:]:
            self._listen(address)

    def _listen(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            self._listeners.append(socket.create_server((address, self.port), family=family))
        except OSError as error:  # no IPv6 on this machine: nothing can be connected to there either
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise

    def was_sprung(self) -> bool:
        """Whether anybody connects, or connected and gave up."""
        return bool(select.select(self._listeners, [], [], 0)[0])

    def close(self) -> None:
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    """Fails the test, whatever else it asserts, when a single connection came."""
    made = Trap()
    yield made
    sprung = made.was_sprung()
    made.close()
    assert not sprung, "a forbidden address was connected to"
