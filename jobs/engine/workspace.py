"""The work directory of one job: what in it may be resumed from, how full it is, and the result that the child leaves.

Publishing from it is the storage's business.
"""

import contextlib
import json
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Sequence
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


MAX_RECORD_BYTES = 64 << 20  # a list of ten thousand videos, with long names
EVICTION_SECONDS = 5.0
EVICTION_POLL_SECONDS = 0.02


class StillInUse(Exception):
    """A process of an earlier attempt writes into the directory, and does not end."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How much a work directory holds. Two usages differ when anything was written in between."""

    size_bytes: int
    modified_ns: int
    files: int


def prepare(directory: Path) -> None:
    """Make the directory ready for an attempt. After one that was cut short, only what is safe to resume from stays.

    Kills what still runs there: the child of a worker that was given up because it was frozen.
    Raises StillInUse when that does not end.
    """
    if not any(directory.iterdir()):
        return
    _evict(directory)
    _drop_strange(directory)
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
    """The child's last word, or None when it died without one. JSON, but from a process that may be hostile."""
    try:
        record = json.loads(_read_plain(directory / RESULT_NAME), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def usage(directory: Path) -> Usage:
    """Add the directory up, without what the child prints: ffmpeg chatters about nothing, too."""
    size_bytes = modified_ns = files = 0
    for entry in _files(directory):
        if entry.name != LOG_NAME and (status := _status(entry)) is not None:
            files += 1
            size_bytes += status.st_size
            modified_ns = max(modified_ns, status.st_mtime_ns)
    return Usage(size_bytes=size_bytes, modified_ns=modified_ns, files=files)


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


def processes_by_directory(root: Path) -> dict[str, list[int]]:
    """The processes that run in each directory right below `root`, or deeper, by its name."""
    found: dict[str, list[int]] = {}
    top = root.resolve()
    for pid, path in _places():
        if top in path.parents:
            found.setdefault(path.relative_to(top).parts[0], []).append(pid)
    return found


def end_strays(pids: Sequence[int]) -> None:
    """Kill processes that nobody waits for."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _evict(directory: Path) -> None:
    """Kill every process that runs in the directory, and wait until none is left. A dead one needs no reaping."""
    deadline = time.monotonic() + EVICTION_SECONDS
    while running := _processes_below(directory):
        end_strays(running)
        if time.monotonic() >= deadline:
            raise StillInUse(f"processes of an earlier attempt do not end: {running[:10]}")
        time.sleep(EVICTION_POLL_SECONDS)


def _processes_below(directory: Path) -> list[int]:
    """Other processes of which the working directory is this one or below. The dead have none, reaped or not."""
    top = directory.resolve()
    return [pid for pid, path in _places() if _is_below(path, top)]


def _places() -> Iterator[tuple[int, Path]]:
    """Every other process, and the directory that it runs in."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it ended meanwhile, or is somebody else's
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                yield int(entry.name), (entry / "cwd").readlink()


def _is_below(path: Path, top: Path) -> bool:
    return path == top or top in path.parents


def _drop_strange(directory: Path) -> None:
    """Delete what no child of ours makes, and what has another name outside: neither can be resumed from, or stored."""
    with os.scandir(directory) as entries:
        for entry in list(entries):
            status = _status(entry)
            if status is None or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1):
                continue
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(entry, ignore_errors=True)
            else:
                Path(entry).unlink(missing_ok=True)


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
        return set(_read_plain(directory / COMPLETE_NAME).decode("utf-8", "replace").splitlines())
    except (OSError, ValueError):
        return set()


def _read_plain(path: Path) -> bytes:
    """The content of a file that a child wrote. Raises OSError or ValueError for a link, a pipe, or one too large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path.name} is no plain file")
        content = file.read(MAX_RECORD_BYTES + 1)
    if len(content) > MAX_RECORD_BYTES:
        raise ValueError(f"{path.name} is too large")
    return content


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _files(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Every file below, however deep: a child that means harm nests directories deeper than calls may nest."""
    waiting = [directory]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:  # deleted meanwhile, or nested too deep to be named
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry))
                else:
                    yield entry


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for a file that was renamed or deleted meanwhile."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
