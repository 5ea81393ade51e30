"""How a child speaks to its supervisor: JSON lines through a pipe, and the result as a JSON file. Decides nothing."""

import dataclasses
import json
import os
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.engine import acceptance
from jobs.engine.contract import Failure, LogLine, Progress, Result

MAX_PENDING_BYTES = 256 * 1024
MAX_MESSAGE_BYTES = 16 << 20  # a jar of cookies
MAX_LINE_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The formats that are being fetched."""

    format_id: str


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A connection that the guard refused; the child may go on trying others."""

    target: str


@dataclass(frozen=True, kw_only=True)
class Cookies:
    """The cookies that were lent, as the sites left them. They take this way because the other one is a file."""

    text: str = field(repr=False)


Message = Progress | LogLine | Chosen | Denial | Cookies
_KINDS: Mapping[str, type[Message]] = {kind.__name__: kind for kind in (Progress, LogLine, Chosen, Denial, Cookies)}
_LONGEST = {Cookies.__name__: MAX_MESSAGE_BYTES}  # characters of text


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps([type(message).__name__, dataclasses.asdict(message)]).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The inverse of `encode`. Raises Unbelievable for what no child of ours writes."""
    match acceptance.parse(line):
        case [str(kind), fields] if kind in _KINDS:
            return acceptance.typed(_KINDS[kind], fields, longest=_LONGEST.get(kind, MAX_LINE_CHARACTERS))
    raise acceptance.Unbelievable("no message")


def result_to_json(result: Result) -> dict[str, Any]:
    """A dict of JSON types."""
    files = [dataclasses.asdict(file) | {"path": str(file.path)} for file in result.files]
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)} | {"files": files}


def failure_to_json(failure: Failure) -> dict[str, Any]:
    """A dict of JSON types."""
    return dataclasses.asdict(failure)


class Sender:
    """The child's end of the pipe. It never waits for a slow reader: what may be lost is, the rest waits its turn."""

    def __init__(self, descriptor: int) -> None:
        """The descriptor must be non-blocking."""
        self._descriptor = descriptor
        self._pending = b""
        self._lock = threading.Lock()  # yt-dlp calls hooks from its threads, too

    def send(self, message: Message, *, may_be_lost: bool = False) -> None:
        """Write, or keep for later, or lose."""
        with self._lock:
            self._write()
            is_behind = self._pending if may_be_lost else len(self._pending) > MAX_PENDING_BYTES
            if not is_behind:
                self._pending += encode(message)
                self._write()

    def flush(self, *, timeout_seconds: float) -> None:
        """Wait for a slow reader, a little."""
        deadline = time.monotonic() + timeout_seconds
        with self._lock:
            while self._pending and (left := deadline - time.monotonic()) > 0:
                select.select([], [self._descriptor], [], left)
                self._write()

    def _write(self) -> None:
        while self._pending:
            try:
                written = os.write(self._descriptor, self._pending)
            except BlockingIOError:
                return
            except BrokenPipeError:  # the supervisor is gone, and this process will be in a moment
                self._pending = b""
                return
            self._pending = self._pending[written:]
