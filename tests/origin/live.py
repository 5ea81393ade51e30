"""Live streams: HLS playlists that grow by the clock. Their segments are files of `media`."""

import time

from tests.origin import media

WINDOW_SEGMENTS = 6
AT_FIRST = 4


class LiveStream:
    """A stream that begins with its first request, some segments old, and goes on with the film again at its end.

    `is_kept` lists every segment from the beginning on; else only the newest. After `length` segments no more come,
    though nothing says that it is over.
    """

    def __init__(self, *, is_kept: bool = False, length: int | None = None) -> None:
        self._is_kept = is_kept
        self._length = length
        self._began_at: float | None = None

    def playlist(self) -> str:
        """As it is now."""
        self._began_at = self._began_at or time.monotonic()
        newest = AT_FIRST + int(time.monotonic() - self._began_at)
        if self._length is not None:
            newest = min(newest, self._length)
        oldest = 0 if self._is_kept else max(0, newest - WINDOW_SEGMENTS)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{oldest}"]
        for number in range(oldest, newest):
            if number and number % media.LONG_SEGMENTS == 0:
                lines.append("#EXT-X-DISCONTINUITY")
            lines.append(f"#EXTINF:1.0,\n/long/{number % media.LONG_SEGMENTS}.ts")
        return "\n".join(lines) + "\n"
