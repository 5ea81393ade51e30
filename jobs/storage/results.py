"""Finished files, by their names in the storage that STORAGE_URL chooses. Knows files, not jobs."""

import errno
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Protocol, cast

from django.core.files.base import ContentFile
from django.core.files.storage import storages


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file that the storage has."""

    name: str
    size_bytes: int
    changed_at: datetime
    sha256: str = ""  # as the storage remembers it; empty when it does not


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is known of a file that is to be published."""

    sha256: str = ""
    mime_type: str = ""


def no_beat() -> None:
    """Nobody wants to be told that publishing goes on."""


class Backend(Protocol):
    """What a storage of results offers besides Django's own verbs. Names are relative POSIX paths."""

    settle_time: timedelta  # an unrecorded file that is older was left behind by a crash
    is_remote: bool

    def load(self) -> None: ...

    def own_name(self, name: str, suffixes: Sequence[str] = ()) -> str: ...

    def publish(self, source: Path, name: str, described: Described, beat: Callable[[], None]) -> str: ...

    def open(self, name: str, mode: str = "rb") -> IO[bytes]: ...

    def remove(self, name: str) -> None: ...

    def all_results(self) -> Iterator[Stored]: ...

    def abort_uploads(self, before: datetime) -> int: ...

    def check_access(self) -> None: ...

    def direct_link(self, name: str, *, seconds: int, disposition: str, mime_type: str) -> str: ...


def backend() -> Backend:
    """The storage of results. What talks to S3 is loaded here, when it is S3."""
    return cast(Backend, storages["default"])


def load() -> None:
    """Load what talks to the store, without a call to it: before a fork, so that all processes share the memory."""
    backend().load()


def own_name(name: str, suffixes: Sequence[str] = ()) -> str:
    """The name to publish under, given the one that is wanted and what the names of its companions end in.

    Where names cannot be claimed, it is one that none has had.
    """
    return backend().own_name(name, suffixes)


def publish(source: Path, name: str, described: Described | None = None, beat: Callable[[], None] = no_beat) -> str:
    """Put a finished file into the storage and return the name it is stored under; `source` is gone then.

    Readers see the whole file or none. `beat` is called again and again while it takes its time; what it raises ends
    the publishing. Raises NotPlain, Unavailable and OSError.
    """
    return backend().publish(source, name, described or Described(), beat)


def open_result(name: str) -> IO[bytes]:
    """A stored file, opened for reading and seeking. Raises FileNotFoundError when it is gone, and Unavailable."""
    return backend().open(name)


def delete_result(name: str) -> None:
    """Delete a stored file. Not an error when it is gone already. Raises Unavailable and OSError."""
    backend().remove(name)


def results() -> Iterator[Stored]:
    """Every stored file, in no order. Raises Unavailable."""
    return backend().all_results()


def results_before(moment: datetime) -> Iterator[str]:
    """Names of stored files that came before `moment`."""
    return (stored.name for stored in results() if stored.changed_at < moment)


def settle_time() -> timedelta:
    """How long a file may be stored before its row is: what has none then is a leftover."""
    return backend().settle_time


def abort_uploads(before: datetime) -> int:
    """Throw away what unfinished uploads have stored that began before `moment`. Returns how many."""
    return backend().abort_uploads(before)


def is_remote() -> bool:
    """Whether results lie on another machine."""
    return backend().is_remote


def check_access() -> None:
    """Raise OSError unless results can be stored and read now. One look at the disk, or one call."""
    backend().check_access()


def probe() -> None:
    """Store a byte, read it and delete it again. Raises OSError when one of these fails. A few calls; see
    `check_access` for what is cheap.
    """
    store = storages["default"]
    name = store.save(f".probe-{secrets.token_hex(8)}", ContentFile(b"."))
    try:
        with store.open(name) as file:
            if file.read() != b".":
                raise OSError(errno.EIO, "what was stored came back changed")
    finally:
        store.delete(name)


def direct_link(name: str, *, seconds: int, disposition: str, mime_type: str) -> str:
    """A link to the bytes at the remote store itself, good for so long. Only where `is_remote`."""
    return backend().direct_link(name, seconds=seconds, disposition=disposition, mime_type=mime_type)
