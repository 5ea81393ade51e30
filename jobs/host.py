"""Whether this host can take jobs. One whose disk is full or lost would fail them all, one after the other."""

import os
import time
from pathlib import Path

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

TOLD_SECONDS = 60.0
_told_at = -TOLD_SECONDS


def can_work() -> bool:
    """Whether work directories can be written to, with FREE_DISK_FLOOR_BYTES to spare. Says so in the log if not."""
    global _told_at  # noqa: PLW0603  (one line a minute from each process, whoever asks)
    found = _trouble(Path(settings.WORK_DIR))
    if found and time.monotonic() - _told_at >= TOLD_SECONDS:
        _told_at = time.monotonic()
        log.error("this host takes no jobs", trouble=found)
    return not found


def _trouble(root: Path) -> str:
    probe = root / f".probe-{os.getpid()}"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
        status = os.statvfs(root)
    except OSError as error:
        return f"{root} cannot be written to: {error.strerror}"
    free_bytes = status.f_bavail * status.f_frsize
    return f"only {free_bytes} bytes are free" if free_bytes < settings.FREE_DISK_FLOOR_BYTES else ""
