"""Runs one attempt: forks its child, listens, enforces every bound, and never leaves a process behind.

Forks the calling process, so it belongs into a worker that has one thread of its own and no open database connection.
"""

import contextlib
import ctypes
import dataclasses
import os
import select
import signal
import time
from pathlib import Path
from typing import Any

from jobs.engine import acceptance, child, failures, messages, workspace
from jobs.engine.acceptance import Unbelievable
from jobs.engine.confinement import largest_file_bytes
from jobs.engine.contract import Failure, FailureCode, LogLine, Outcome, Phase, Progress, Request, Stop, Watcher

_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)

SCAN_SECONDS = 1.0
READ_BYTES = 65536
READS_AT_ONCE = 32
MAX_PROCESSES = 64  # yt-dlp starts one at a time, which may be a script that starts two more
MAX_FILES = 20_000  # a stream's fragments do not outlive their addition
MAX_LOG_LINES = 2000  # of one attempt; a child that is well ends at half of that
_AT_ONCE = (Stop.CANCEL, Stop.LOST)


def run(request: Request, watcher: Watcher, *, tick_seconds: float = 0.4) -> Outcome:
    """Run one attempt to its end, and tell how it ended. `log` in the answer holds what no tick has carried.

    The work directory belongs to the engine alone: what an attempt that was cut short left there is deleted when it
    cannot be trusted, and what still runs there is killed. What the watcher or a signal handler of the worker raises
    ends the child and passes through.
    """
    try:
        workspace.prepare(request.work_dir)
    except workspace.StillInUse as error:
        return Outcome(failure=failures.failure(FailureCode.INTERNAL, str(error)))
    _adopt_orphans()
    process = _Process()
    try:
        process.start(request)
        return _Watch(request, watcher, process, tick_seconds).until_end()
    finally:
        process.sweep()


class _Process:
    """The child as its parent knows it."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.pipe = -1  # at its end when the child has ended
        self.status: int | None = None

    def start(self, request: Request) -> None:
        """Fork. In the child this never returns."""
        supervisor = os.getpid()
        self.pipe, writing = os.pipe()
        # A signal handler of the worker's must run neither in the child nor between the fork and the note of its id.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                try:
                    child.main(request, writing, supervisor=supervisor)
                finally:
                    os._exit(70)
            os.set_blocking(self.pipe, False)
        finally:
            os.close(writing)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def has_ended(self) -> bool:
        """Whether the child is dead, though its pipe may be open in a process that was forked beside it."""
        assert self.pid is not None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # somebody else has reaped it
            return True

    def signal(self, number: int) -> None:
        """Signal the whole group; only the child, before it has made a group of its own."""
        assert self.pid is not None
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def sweep(self) -> None:
        """Kill what is left of the group, wait until all of it is gone, close the pipe."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            if self.pid is not None and self.status is None:
                self.signal(signal.SIGKILL)
                self.status = _reap_group(self.pid)
            if self.pipe >= 0:
                os.close(self.pipe)
            self.pipe = -1
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _adopt_orphans() -> None:
    """Make what a dead child leaves behind this process's own, so that `sweep` can wait for its end."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _reap_group(leader: int) -> int:
    """Wait until no process of the group is left. The leader's status; 0 when somebody else has reaped it."""
    status = 0
    with contextlib.suppress(ChildProcessError):
        status = os.waitpid(leader, 0)[1]  # by its own id: it may have died before it made the group
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-leader, 0)
    return status


class _Watch:
    """One attempt from the outside: what the child says, what its directory and memory say, what the watcher wants."""

    def __init__(self, request: Request, watcher: Watcher, process: _Process, tick_seconds: float) -> None:
        self._request = request
        self._watcher = watcher
        self._process = process
        self._tick_seconds = tick_seconds
        now = time.monotonic()
        self._deadline = now + request.limits.total_seconds
        self._alive_at = now  # the last sign of progress
        self._kill_at: float | None = None
        self._next_tick = now + tick_seconds
        self._next_scan = now + SCAN_SECONDS
        self._usage = workspace.usage(request.work_dir)
        self._scanned_at = now
        self._counted_at = 0.0  # when the child last told bytes
        self._unread = b""
        self._phase = Phase.EXTRACTING
        self._latest: Progress | None = None
        self._progress: Progress | None = None  # not yet carried to the watcher
        self._log: list[LogLine] = []
        self._log_lines = 0
        self._distrust: Failure | None = None
        self._format_id: str | None = None
        self._denied: str | None = None
        self._cookies: str | None = None
        self._stop: Stop | None = None
        self._failure: Failure | None = None

    def until_end(self) -> Outcome:
        """Listen and check until the child has ended."""
        while self._listen():
            now = time.monotonic()
            if now >= self._next_tick:
                self._next_tick = now + self._tick_seconds
                self._tick()
            if now >= self._next_scan:
                self._next_scan = now + SCAN_SECONDS
                self._scan(now)
            self._read()  # the watcher may have taken its time
            self._check_clock(time.monotonic())
        self._read()
        self._process.sweep()
        return self._outcome()

    # --- listening ---

    def _listen(self) -> bool:
        """Until the child says something, ends, or something is due. Whether it goes on."""
        due = min(self._next_tick, self._next_scan, self._deadline, self._kill_at or self._deadline)
        pipe = [self._process.pipe] if self._process.pipe >= 0 else []
        select.select(pipe, [], [], max(due - time.monotonic(), 0.001))
        self._read()
        return self._process.pipe >= 0 and not self._process.has_ended()

    def _read(self) -> None:
        for _ in range(READS_AT_ONCE):  # a child that never stops talking must not keep its supervisor from the rest
            if self._process.pipe < 0:
                return
            try:
                received = os.read(self._process.pipe, READ_BYTES)
            except BlockingIOError:
                return
            if not received:
                os.close(self._process.pipe)
                self._process.pipe = -1
            *lines, self._unread = (self._unread + received).split(b"\n")
            try:
                self._take_lines(lines)
            except Unbelievable as error:
                self._disbelieve(error)
                self._process.signal(signal.SIGKILL)

    def _take_lines(self, lines: list[bytes]) -> None:
        if len(self._unread) > messages.MAX_MESSAGE_BYTES:
            self._unread = b""
            raise Unbelievable("a message without end")
        for line in lines:
            self._take(messages.decode(line))

    def _disbelieve(self, error: Unbelievable) -> None:
        """The child has been taken over, or has a bug that is as bad: nothing that it says counts any more."""
        self._distrust = self._distrust or failures.failure(FailureCode.INTERNAL, f"the child is not itself: {error}")

    def _take(self, message: messages.Message) -> None:
        self._alive_at = time.monotonic()
        if isinstance(message, Progress):
            self._take_progress(message)
        elif isinstance(message, LogLine):
            self._take_log_line(message)
        elif isinstance(message, messages.Chosen):
            self._format_id = message.format_id
        elif isinstance(message, messages.Cookies):
            self._cookies = message.text
        else:
            self._denied = message.target

    def _take_log_line(self, line: LogLine) -> None:
        self._log_lines += 1
        if self._log_lines <= MAX_LOG_LINES:
            self._log.append(line)

    def _take_progress(self, progress: Progress) -> None:
        if progress.downloaded_bytes is not None:
            self._counted_at = time.monotonic()
        self._phase = progress.phase
        self._latest = self._progress = progress

    def _tick(self) -> None:
        progress, log = self._progress, self._log
        self._progress, self._log = None, []
        wish = self._watcher.tick(progress, log)
        if wish is None or self._stop in _AT_ONCE:
            return
        if wish in _AT_ONCE:
            self._stop = wish
            self._process.signal(signal.SIGKILL)
        elif self._stop is None and self._failure is None:
            self._stop = wish
            self._kill_at = time.monotonic() + self._request.limits.grace_seconds
            self._process.signal(signal.SIGTERM)

    # --- checking ---

    def _fail(self, code: FailureCode, detail: str) -> None:
        if self._failure is not None or self._stop is not None:
            return
        if self._denied is not None and code in (FailureCode.STALLED, FailureCode.TIMEOUT):
            # ffmpeg asks a live stream for ever for segments that the proxy refuses.
            code, detail = FailureCode.BLOCKED_ADDRESS, f"egress denied: {self._denied}; {detail}"
        self._failure = failures.failure(code, detail)
        self._process.signal(signal.SIGKILL)

    def _check_clock(self, now: float) -> None:
        limits = self._request.limits
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._process.signal(signal.SIGKILL)
        if now >= self._deadline:
            self._deadline = float("inf")
            self._fail(FailureCode.TIMEOUT, f"not done after {limits.total_seconds:g} s, while {self._phase}")
        # While files are verified nothing grows and nobody speaks; the deadline alone bounds it.
        if self._phase is not Phase.PUBLISHING and now - self._alive_at > limits.stall_seconds:
            self._fail(FailureCode.STALLED, f"no progress for {limits.stall_seconds:g} s, while {self._phase}")

    def _scan(self, now: float) -> None:
        limits = self._request.limits
        usage = workspace.usage(self._request.work_dir)
        if usage != self._usage:
            self._alive_at = now
            self._report_growth(usage, now)
        self._usage, self._scanned_at = usage, now
        if usage.size_bytes > self._bound_bytes():
            self._fail(FailureCode.TOO_LARGE, f"{usage.size_bytes} bytes in the work directory")
        if workspace.free_bytes(self._request.work_dir) < limits.free_disk_bytes:
            self._fail(FailureCode.DISK_FULL, f"less than {limits.free_disk_bytes} bytes left on the disk")
        if usage.files > MAX_FILES:
            self._fail(FailureCode.TOO_LARGE, f"more than {MAX_FILES} files in the work directory")
        self._check_processes()

    def _check_processes(self) -> None:
        """No resource limit does this: that on processes counts all of a user's, on a host that others may share."""
        memory, processes = _load(self._process.pid)
        if processes > MAX_PROCESSES:
            self._fail(FailureCode.INTERNAL, f"the child had {processes} processes")
        if memory > self._request.limits.max_memory_bytes:
            self._fail(FailureCode.INTERNAL, f"the child used {memory} bytes of memory, over its limit")

    def _bound_bytes(self) -> int:
        """Post-processing holds its source, its result, and one file in between, at once."""
        files = 1 if self._phase in (Phase.EXTRACTING, Phase.DOWNLOADING) else 3
        return files * largest_file_bytes(self._request.limits)

    def _report_growth(self, usage: workspace.Usage, now: float) -> None:
        """ffmpeg as the downloader tells nothing: what the directory gained stands in."""
        if self._phase is not Phase.DOWNLOADING or self._counted_at > self._scanned_at:
            return
        gained = usage.size_bytes - self._usage.size_bytes
        speed = max(gained, 0) / (now - self._scanned_at)
        latest = self._latest or Progress(phase=self._phase)
        self._progress = dataclasses.replace(latest, downloaded_bytes=usage.size_bytes, speed_bps=speed)

    # --- the end ---

    def _outcome(self) -> Outcome:
        try:
            return self._concluded(workspace.read_result(self._request.work_dir) or {})
        except Unbelievable as error:
            self._disbelieve(error)
            return self._concluded({})

    def _concluded(self, record: dict[str, Any]) -> Outcome:
        outcome = Outcome(format_id=self._format_id, cookies=self._cookies, log=tuple(self._log))
        if self._stop in _AT_ONCE:
            return dataclasses.replace(outcome, stopped=self._stop)
        if self._distrust is not None:
            return dataclasses.replace(outcome, failure=self._distrust, cookies=None, format_id=None)
        if "result" in record:  # done is done, even if something was wished for in the last moment
            return dataclasses.replace(outcome, result=acceptance.result(record["result"], self._request))
        if self._stop is not None:
            return dataclasses.replace(outcome, stopped=self._stop)
        return dataclasses.replace(outcome, failure=self._reason(record))

    def _reason(self, record: dict[str, Any]) -> Failure:
        if self._failure is not None:
            return self._failure
        return acceptance.failure(record["failure"]) if "failure" in record else self._crash()

    def _crash(self) -> Failure:
        """The child died without a word: killed by the kernel for memory, by an operator, or by a bug."""
        code = os.waitstatus_to_exitcode(self._process.status or 0)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if -code == signal.SIGXFSZ:
            return failures.failure(FailureCode.TOO_LARGE, f"the child {how}")
        if workspace.free_bytes(self._request.work_dir) < max(self._request.limits.free_disk_bytes, 1024 * 1024):
            return failures.failure(FailureCode.DISK_FULL, f"the child {how} on a full disk")
        failure = failures.failure(FailureCode.INTERNAL, f"the child {how} and left no result")
        return dataclasses.replace(failure, is_retryable=True)


def _load(session: int | None) -> tuple[int, int]:
    """Resident memory and number of a session's processes. Pages that they share with the worker count for each."""
    pages = processes = 0
    for name in os.listdir("/proc"):  # noqa: PTH208 - names, not paths
        if name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                if os.getsid(int(name)) == session:
                    pages += int(Path("/proc", name, "statm").read_text().split()[1])
                    processes += 1
    return pages * os.sysconf("SC_PAGE_SIZE"), processes
