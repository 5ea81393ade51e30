"""Parts of a stream that ffmpeg could not fetch, and passed over as if nothing had happened. Runs in the child.

ffmpeg leaves a gap and ends well, so that nothing but what it prints tells of the damage.
"""

import re
from pathlib import Path

from yt_dlp.utils import YoutubeDLError

from jobs.engine.workspace import LOG_NAME

MAX_READ_BYTES = 1 << 20
_LOST = re.compile(rb"Failed to open (?:segment|fragment) \d+|too many times, skipping|partial file|ends prematurely")


class PartLost(YoutubeDLError):  # type: ignore[misc]
    """The file has a gap. `failures` knows the words."""

    def __init__(self, what: str) -> None:
        super().__init__(f"ffmpeg lost a part of the stream: {what}")


class Listener:
    """What the child's programs print from now on."""

    def __init__(self, work_dir: Path) -> None:
        self._path = work_dir / LOG_NAME
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def loss(self) -> str | None:
        """The first complaint of a lost part, if there is one."""
        if not self._path.exists():
            return None
        with self._path.open("rb") as log:
            log.seek(self._offset)
            found = _LOST.search(log.read(MAX_READ_BYTES))
        return found[0].decode() if found else None
