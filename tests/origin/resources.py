"""What the origin can send, wherever it comes from: bytes, their type and their version. Speaks no HTTP."""

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.origin import media

BLOCK_BYTES = 16 << 10
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".m4s": "video/iso.segment",
    ".mkv": "video/x-matroska",
    ".mpd": "application/dash+xml",
    ".srt": "application/x-subrip",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".xml": "application/rss+xml",
}


@dataclass(frozen=True)
class Resource:
    """What stands at a path."""

    content_type: str
    path: Path | None = None
    content: bytes = b""
    size: int = 0
    etag: str = ""

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces."""
        if self.path is None:
            yield self.content[start:end]
            return
        with self.path.open("rb") as file:
            file.seek(start)
            while start < end and (block := file.read(min(BLOCK_BYTES, end - start))):
                start += len(block)
                yield block


def of_bytes(content_type: str, content: bytes) -> Resource:
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return Resource(content_type=content_type, content=content, size=len(content), etag=etag)


def of_file(name: str) -> Resource | None:
    root = media.directory()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return None
    size = path.stat().st_size
    guessed = TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Resource(content_type=guessed, path=path, size=size, etag=f'"{path.name}-{size:x}"')


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and one past the last byte of a single range, or None when it cannot be satisfied."""
    if not header or not header.startswith("bytes=") or "," in header:
        return 0, size
    first, _, last = header.removeprefix("bytes=").partition("-")
    if not first:
        return max(size - int(last), 0), size
    start, end = int(first), min(int(last) + 1 if last else size, size)
    return (start, end) if start < end else None
