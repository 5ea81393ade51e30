"""The work directory of one job: what in it may be resumed from, how full it is, and the result that the child leaves.

Publishing from it is the storage's business.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULT_NAME = "result.json"
LOG_NAME = "child.log"  # what the child and its programs print
COMPLETE_NAME = "complete.txt"  # names of files that are whole, one a line
VALIDATORS_NAME = "validators.json"  # which version of a remote file the bytes here are of
_UNFINISHED_RESULT_NAME = f"{RESULT_NAME}.new"
_UNFINISHED_VALIDATORS_NAME = f"{VALIDATORS_NAME}.new"

CONTROL_NAMES = frozenset(
    {
        RESULT_NAME,
        LOG_NAME,
        COMPLETE_NAME,
        VALIDATORS_NAME,
        _UNFINISHED_RESULT_NAME,
        _UNFINISHED_VALIDATORS_NAME,
    }
)


EVICTION_SECONDS = 5.0
EVICTION_POLL_SECONDS = 0.02


class StillInUse(Exception):
    """A process of an earlier attempt writes into the directory, and does not end."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How much a work directory holds. Two usages differ when anything was written in between."""

    size_bytes: int
    modified_ns: int


def prepare(directory: Path) -> None:
    """Make the directory ready for an attempt. After one that was cut short, only what is safe to resume from stays.

    Kills what still runs there: the child of a worker that was given up because it was frozen.
    Raises StillInUse when that does not end.
    """
    if not any(directory.iterdir()):
        return
    _evict(directory)
    last_word = read_result(directory) or {}
    if not last_word.get("is_resumable"):
        _drop_doubtful(directory)
    for name in (RESULT_NAME, _UNFINISHED_RESULT_NAME, LOG_NAME):
        (directory / name).unlink(missing_ok=True)


def mark_complete(directory: Path, path: Path) -> None:
    """Note that a file is whole, so that it outlives an attempt that is killed."""
    with (directory / COMPLETE_NAME).open("a", encoding="utf-8") as names:
        names.write(f"{path.name}\n")


def write_result(directory: Path, record: dict[str, Any]) -> None:
    """Leave the child's last word: whole or not at all."""
    unfinished = directory / _UNFINISHED_RESULT_NAME
    unfinished.write_text(json.dumps(record), encoding="utf-8")
    unfinished.rename(directory / RESULT_NAME)


def read_result(directory: Path) -> dict[str, Any] | None:
    """The child's last word, or None when it died without one."""
    try:
        record = json.loads((directory / RESULT_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def usage(directory: Path) -> Usage:
    """Add the directory up, without what the child prints: ffmpeg chatters about nothing, too."""
    size_bytes = modified_ns = 0
    for entry in _files(directory):
        if entry.name != LOG_NAME and (status := _status(entry)) is not None:
            size_bytes += status.st_size
            modified_ns = max(modified_ns, status.st_mtime_ns)
    return Usage(size_bytes=size_bytes, modified_ns=modified_ns)


def largest_file_bytes(directory: Path) -> int:
    """The size of the biggest file."""
    return max((status.st_size for entry in _files(directory) if (status := _status(entry)) is not None), default=0)


def free_bytes(directory: Path) -> int:
    """What is left of the file system for unprivileged users."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def drop_complete_partials(directory: Path) -> bool:
    """Delete the `.part` files that are resumed by asking for a range, unlike fragments. Whether there were any.

    For a server that answers 416: the file had all its bytes, and asking for more fails for ever
    (https://github.com/yt-dlp/yt-dlp/issues/12994).
    """
    partial = [Path(entry) for entry in _files(directory) if entry.name.endswith(".part")]
    partial = [path for path in partial if not path.with_suffix(".ytdl").exists()]
    for path in partial:
        path.unlink(missing_ok=True)
    return bool(partial)


def _evict(directory: Path) -> None:
    """Kill every process that runs in the directory, and wait until none is left. A dead one needs no reaping."""
    deadline = time.monotonic() + EVICTION_SECONDS
    while running := _processes_below(directory):
        for pid in running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() >= deadline:
            raise StillInUse(f"processes of an earlier attempt do not end: {running[:10]}")
        time.sleep(EVICTION_POLL_SECONDS)


def _processes_below(directory: Path) -> list[int]:
    """Other processes of which the working directory is this one or below. The dead have none, reaped or not."""
    top = directory.resolve()
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it ended meanwhile, or is somebody else's
            if entry.name.isdigit() and int(entry.name) != os.getpid() and _is_below((entry / "cwd").readlink(), top):
                found.append(int(entry.name))
    return found


def _is_below(path: Path, top: Path) -> bool:
    return path == top or top in path.parents


def _drop_doubtful(directory: Path) -> None:
    """Keep whole files, `.part` files, and the state of those that come in fragments.

    A fragment's own file is not kept: when it is whole, yt-dlp asks beyond its end, is refused, and skips it silently.
    """
    complete = _complete_names(directory)
    for entry in _files(directory):
        is_fragment = "-Frag" in entry.name
        is_partial = entry.name.endswith((".part", ".ytdl"))
        if is_fragment or not (is_partial or entry.name in complete or entry.name in CONTROL_NAMES):
            Path(entry).unlink(missing_ok=True)


def _complete_names(directory: Path) -> set[str]:
    try:
        return set((directory / COMPLETE_NAME).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()


def _files(directory: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield entry
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                yield from _files(Path(entry))


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for a file that was renamed or deleted meanwhile."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
