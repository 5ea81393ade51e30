"""A file of a remote store that reads like a local one. Knows no store: it is given a way to get a range."""

import errno
import io
from collections.abc import Callable
from typing import Protocol

from jobs.storage.errors import Unavailable

TRIES = 3


class Body(Protocol):
    """Bytes on their way."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class RemoteFile(io.RawIOBase):
    """Opens no connection before something is read, and goes on from where a broken one ended.

    `fetch(first, last)` gives the bytes from one to the other, both included. Not for several threads at once.
    """

    def __init__(self, fetch: Callable[[int, int], Body], size_bytes: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size_bytes
        self._position = 0
        self._end = size_bytes
        self._body: Body | None = None

    def until(self, end: int) -> None:
        """Tell that nothing from this position on will be read, so that the store is not asked for it."""
        self._end = min(end, self._size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset != self._position:
            self._hang_up()
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        block = self._next(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _next(self, most: int) -> bytes:
        """What comes next. Raises Unavailable when the store breaks off each time, FileNotFoundError if it is gone."""
        if self._position >= self._end:
            return b""
        for _ in range(TRIES - 1):
            try:
                return self._block(most)
            except Unavailable:
                self._hang_up()
        return self._block(most)

    def _block(self, most: int) -> bytes:
        block = self._connected().read(min(most, self._end - self._position))
        if not block:
            raise Unavailable(errno.EIO, "the store sent less than it announced")
        self._position += len(block)
        return block

    def _connected(self) -> Body:
        if self._body is None:
            self._body = self._fetch(self._position, self._end - 1)
        return self._body

    def _hang_up(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None
