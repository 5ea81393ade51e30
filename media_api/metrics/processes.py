"""Where the web processes of one server keep their counts, so that any of them can tell those of all.

django-prometheus counts by prometheus_client, whose counts lie in one file for each process. Its files are named after
process ids, and pile up when processes die and are replaced; here they are named after places: who replaces a process
goes on with its counts. Loads no Django.
"""

import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Hashable
from pathlib import Path

PREFIX = "media-metrics-"
MASTER = "master"
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own
MEMORY = Path("/dev/shm")  # noqa: S108  (no disk that is full or slow comes in a request's way)


class Places:
    """The directory of one server's counts, and which of its processes writes which files.

    Belongs to the master, which makes it before it forks. The directory is the service's user's alone.
    """

    def __init__(self, parent: Path | None = None) -> None:
        """Make a fresh directory in `parent`, and delete those of servers that are gone. Raises OSError."""
        if parent is None:
            parent = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        _sweep(parent)
        # The lock is held by this process and those forked from it, for as long as one of them lives.
        self.directory, self._lock = _made(parent)
        self._taken: dict[Hashable, int] = {}
        self._mine = MASTER

    def reserve(self, worker: Hashable) -> None:
        """In the master, before a process is forked: give it the first free place."""
        taken = set(self._taken.values())
        self._taken[worker] = next(number for number in range(len(taken) + 1) if number not in taken)

    def take(self, worker: Hashable) -> None:
        """In the new process: count in its place from now on."""
        self._mine = str(self._taken[worker])

    def free(self, worker: Hashable) -> None:
        """In the master, when the process is gone: its place may be another one's."""
        self._taken.pop(worker, None)

    def mine(self) -> str:
        """What tells this process's files from the others'."""
        return self._mine

    def forget_rehearsal(self) -> None:
        """In the master: throw away what it counted itself, for it has served nobody."""
        for path in self.directory.glob(f"*_{MASTER}.db"):
            path.unlink()

    def remove(self) -> None:
        """The server ends."""
        shutil.rmtree(self.directory, ignore_errors=True)


@functools.cache
def of_this_server() -> Places:
    """The same each time: a server that reads its configuration again goes on with its counts."""
    return Places()


def _made(parent: Path) -> tuple[Path, int]:
    """A directory of its own and a locked descriptor of it."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):  # another server, which starts just now, took it for a leftover
            continue
        if directory.is_dir():
            return directory, descriptor


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"{PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # another user's, or no directory
            continue
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:  # its server lives
            continue
        finally:
            os.close(descriptor)
