"""When the recording of a live stream ends, and how: so that what has come is a whole file. Runs in the child.

yt-dlp takes Ctrl-C at a live stream for the wish to keep what there is: it asks ffmpeg to finish its file, and goes on
to post-processing. The end of the time is told in the same way, by a timer that runs in the main thread.
"""

import os
import signal
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from yt_dlp.utils import YoutubeDLError

from jobs.engine import workspace
from jobs.engine.contract import Limits

LOOK_SECONDS = 0.5
SILENCE_SHARE = 0.5  # of the time after which the supervisor takes an attempt for stalled
NUDGES = 2  # one asks ffmpeg to finish, another one wakes it out of waiting for the network; four would kill it


class RecordingBroken(YoutubeDLError):  # type: ignore[misc]
    """The recording was ended, and there is no file."""


class Recording:
    """A context in which yt-dlp records; it is ended after `live_seconds`, or when the stream has gone silent.

    While nothing has come it is not ended at all: then the attempt's own bounds apply.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._over_at = time.monotonic() + (limits.live_seconds or float("inf"))
        self._silence_seconds = limits.stall_seconds * SILENCE_SHARE
        self._usage = self._before = workspace.usage(directory)
        self._alive_at = time.monotonic()
        self._nudges = 0
        self.is_ending = False

    def __enter__(self) -> Self:
        signal.signal(signal.SIGINT, lambda *_: None)  # not ignored: what is ignored stays so in what is started
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_ending:
            self._nudge()
        elif self._is_over():
            self.is_ending = True
            raise KeyboardInterrupt

    def _is_over(self) -> bool:
        now, usage = time.monotonic(), workspace.usage(self._directory)
        if usage != self._usage:
            self._usage, self._alive_at = usage, now
        has_recorded = usage.size_bytes > self._before.size_bytes
        return has_recorded and (now >= self._over_at or now - self._alive_at > self._silence_seconds)

    def _nudge(self) -> None:
        """ffmpeg hears its keyboard only when there are packets; a signal it hears in any case."""
        if self._nudges < NUDGES:
            self._nudges += 1
            os.killpg(0, signal.SIGINT)


def record(run: Any, path: str, directory: Path, limits: Limits) -> Any:
    """What `run` returns, a downloader's (whether it succeeded, whether it really downloaded).

    Raises RecordingBroken when the end came in the moment between recording and naming the file.
    """
    with Recording(directory, limits) as recording:
        try:
            return run()
        except KeyboardInterrupt:
            if not recording.is_ending or not Path(path).is_file():
                raise RecordingBroken("the recording could not be ended") from None
            return True, True
