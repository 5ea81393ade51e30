"""Notices that somebody killed a program of a child: then its last words say nothing about the media."""

import signal
import subprocess

_BY_OTHERS = (-signal.SIGKILL, -signal.SIGTERM)


def watch() -> list[str]:
    """The programs that end by such a signal from now on; the list grows. What yt-dlp ends itself is in it too."""
    found: list[str] = []
    wait = subprocess.Popen.wait

    def heedful_wait(process: "subprocess.Popen[bytes]", timeout: float | None = None) -> int:
        status = wait(process, timeout)
        if status in _BY_OTHERS:
            found.append(signal.Signals(-status).name)
        return status

    subprocess.Popen.wait = heedful_wait  # type: ignore[assignment,method-assign]
    return found
