"""The walls around a child: session, signals, descriptors, environment, resource limits, and what Python may do in it.

Checks in Python hold against what hostile pages make yt-dlp do. What a memory bug in ffmpeg or libcurl lets loose is
held by the kernel alone, where it has Landlock.
"""

import contextlib
import ctypes
import faulthandler
import fcntl
import gc
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from jobs.engine import environment, landlock, surroundings, workspace
from jobs.engine.contract import Limits, Request, Tools
from jobs.engine.egress import SocketGuard
from jobs.engine.inputs import FILE_INPUT, NETWORK_INPUT, SPLICE_INPUT
from jobs.engine.options import block_bytes
from jobs.engine.proxy import Proxy, Throttle

PIPE = 3  # the descriptor on which a confined child reports

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OPEN_FILES = 1024
_COOKIE_HEADER = re.compile(r"^cookie:", re.IGNORECASE | re.MULTILINE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FORMAT_LISTS = frozenset({FILE_INPUT[-1], NETWORK_INPUT[-1], SPLICE_INPUT[-1]})
_FFMPEG_SCHEMES = frozenset({"file", "http", "https", "pipe"})

Check = Callable[[tuple[Any, ...]], None]


class ConfinementError(PermissionError):
    """The child tried to start a program or to change a file that it may not."""


@dataclass(kw_only=True)
class Confinement:
    """What holds a confined child, and what it tried in vain."""

    sockets: SocketGuard
    files: "FileGuard"
    programs: "ProgramGuard"
    proxy: Proxy


def enter(request: Request, *, pipe: int, supervisor: int, on_stop: Callable[[], None]) -> Confinement:
    """Confine this freshly forked process, for good. `pipe` becomes descriptor 3; `on_stop` runs on SIGTERM.

    `supervisor` is the process id of the parent: the whole process group ends when it does. Signals must be blocked
    since before the fork; they are let through at the end.
    """
    os.setsid()
    _reset_signals(on_stop)
    _die_with(supervisor)
    _lay_descriptors(pipe, request.work_dir / workspace.LOG_NAME)
    _reset_interpreter()
    os.umask(0o077)
    os.chdir(request.work_dir)
    _limit_resources(request.limits)
    sockets = SocketGuard(policy=request.egress)
    confinement = Confinement(
        sockets=sockets,
        files=FileGuard(root=request.work_dir.resolve()),
        programs=ProgramGuard.of(request.tools, sockets, has_cookies=request.cookies is not None),
        proxy=Proxy(sockets, _throttle(request.options.rate_limit_bps)),
    )
    environment.replace(environment.built(request, confinement.proxy.url, os.environ))
    _give_up_rights(request, confinement.proxy.port)
    _enforce(confinement)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    confinement.proxy.start()
    return confinement


def _throttle(bytes_per_second: int | None) -> Throttle | None:
    return Throttle(bytes_per_second, block_bytes=block_bytes(bytes_per_second)) if bytes_per_second else None


def largest_file_bytes(limits: Limits) -> int:
    """How big any one file of a child may grow: the limit, and room for what a container adds in merging."""
    return limits.max_file_bytes + max(limits.max_file_bytes // 50, 64 * 1024)


def has_outgrown(request: Request) -> bool:
    """Whether a file of the attempt hit that limit: ffmpeg dies of it without a word."""
    return workspace.largest_file_bytes(request.work_dir) >= largest_file_bytes(request.limits)


def _reset_signals(on_stop: Callable[[], None]) -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) or number == signal.SIGCHLD:
            signal.signal(number, signal.SIG_DFL)

    def stop(_number: int, _frame: FrameType | None) -> None:
        on_stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, _kill_group)


def _die_with(supervisor: int) -> None:
    # SIGHUP and not SIGKILL: the death signal reaches this process only, its handler takes ffmpeg along.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGHUP)
    if os.getppid() != supervisor:  # it died before the call
        os._exit(1)


def _kill_group(_number: int, _frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)


def _lay_descriptors(pipe: int, log: Path) -> None:
    report = fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, 10)  # out of the way of those laid below
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(report, PIPE, inheritable=False)
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - names, not paths
        if descriptor > PIPE:
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(descriptor)
    os.set_blocking(PIPE, False)


def _reset_interpreter() -> None:
    """Let go of what the worker's Python had set up: streams, logging, warnings; and keep its memory shared."""
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    faulthandler.enable(file=sys.stderr)
    logging.disable()  # its handlers may hold the worker's sockets
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    gc.freeze()  # a collection would touch, and so copy, every page of the worker's objects


def _limit_resources(limits: Limits) -> None:
    # None on address space: the JavaScript runtime reserves more than any. None on processes: it counts a whole user.
    _lower(resource.RLIMIT_FSIZE, largest_file_bytes(limits))
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write("500")  # when memory runs out, rather a download than the database


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _give_up_rights(request: Request, proxy_port: int) -> None:
    """What the kernel enforces, whatever code runs here: also against ffmpeg, and what a bug in it might let loose."""
    landlock.forbid_new_rights()
    if landlock.is_used():
        landlock.restrict(surroundings.rules(request.work_dir, request.tools))
        _start_programs_apart(proxy_port)


def _start_programs_apart(proxy_port: int) -> None:
    """Programs are started by a thread of their own, which may connect to the proxy only; so then may they.

    The kernel's rules bind a thread and what it starts. yt-dlp's own connections cost no detour this way.
    """
    starter = ThreadPoolExecutor(1, "programs", initializer=landlock.restrict_to_port, initargs=(proxy_port,))
    start = subprocess.Popen._execute_child  # type: ignore[attr-defined]

    def start_apart(*arguments: Any, **named: Any) -> None:
        starter.submit(start, *arguments, **named).result()

    subprocess.Popen._execute_child = start_apart  # type: ignore[attr-defined]


def _enforce(confinement: Confinement) -> None:
    guards = (confinement.sockets, confinement.files, confinement.programs)
    checks = {event: check for guard in guards for event, check in guard.checks().items()}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        check = checks.get(event)
        if check is not None:
            check(arguments)

    sys.addaudithook(hook)


@dataclass(kw_only=True)
class ProgramGuard:
    """Lets Python start the given programs, by absolute path, and nothing else. No shell, no fork.

    ffmpeg may open files, and what it asks the proxy for. Its own list of protocols cannot say so: it needs tcp for
    http, and then takes a stream's `tcp://127.0.0.1:6379` as well. What an input may be must be said for each.
    """

    allowed: frozenset[str]
    without_tcp: frozenset[str]
    sockets: SocketGuard
    has_cookies: bool = False  # of the owner's; then none may stand on a command line, which every user can read
    denials: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tools: Tools, sockets: SocketGuard, *, has_cookies: bool = False) -> "ProgramGuard":
        """The guard that lets the tools through."""
        ffmpeg = {os.path.realpath(tools.ffmpeg), os.path.realpath(tools.ffprobe)}
        others = {os.path.realpath(tools.js_runtime)} if tools.js_runtime else set()
        return cls(
            allowed=frozenset(ffmpeg | others), without_tcp=frozenset(ffmpeg), sockets=sockets, has_cookies=has_cookies
        )

    def checks(self) -> dict[str, Check]:
        """Checks by audit event."""
        starts = ("subprocess.Popen", "os.posix_spawn")  # from Python 3.13 on, the former does the latter
        others = ("os.system", "os.exec", "os.spawn", "os.fork", "os.forkpty", "pty.spawn")
        return dict.fromkeys(starts, self._check_program) | dict.fromkeys(others, self._refuse)

    def _check_program(self, arguments: tuple[Any, ...]) -> None:
        program = os.fsdecode(arguments[0])
        resolved = os.path.realpath(program)
        if not os.path.isabs(program) or resolved not in self.allowed:  # noqa: PTH117
            self._refuse((program,))
        if resolved in self.without_tcp:
            command = [os.fsdecode(argument) for argument in arguments[1]]
            self._check_formats(command)
            self._check_inputs(command)
            if self.has_cookies:
                self._check_cookies(command)

    def _check_formats(self, command: Sequence[str]) -> None:
        given = [value for option, value in pairwise(command) if option == "-format_whitelist"]
        inputs = command.count("-i") + ("-show_streams" in command)
        if len(given) < inputs or not _FORMAT_LISTS.issuperset(given):
            self._refuse((f"{command[0]} without a list of formats",))

    def _check_cookies(self, command: Sequence[str]) -> None:
        headers = "\n".join(value for option, value in pairwise(command) if option == "-headers")
        if "-cookies" in command or _COOKIE_HEADER.search(headers):
            self._refuse((f"{command[0]} with cookies that everybody could see",))

    def _check_inputs(self, command: Sequence[str]) -> None:
        inputs = {value for option, value in pairwise(command) if option == "-i"}
        for argument in command:
            scheme = _SCHEME.match(argument)
            is_location = argument in inputs or (scheme and argument.startswith("//", scheme.end()))
            if scheme and is_location and scheme[1].lower() not in _FFMPEG_SCHEMES:
                raise self.sockets.deny(f"{scheme[1]}:", "-")

    def _refuse(self, arguments: tuple[Any, ...]) -> None:
        self.denials.append(str(arguments[0]) if arguments else "fork")
        raise ConfinementError("this program may not be started here")


@dataclass(kw_only=True)
class FileGuard:
    """Lets Python change plain files below `root`, and nothing else: no links, no directories. It may read anything."""

    root: Path
    denials: list[str] = field(default_factory=list)

    def checks(self) -> dict[str, Check]:
        """Checks by audit event."""
        one_path = ("os.remove", "os.rmdir", "os.chmod", "os.chown", "os.utime", "os.truncate")
        attributes = ("os.setxattr", "os.removexattr")
        others = ("sqlite3.connect",)  # SQLite opens files past Python
        return {
            "open": self._check_open,
            "os.rename": self._check_two_paths,
            "os.link": self._refuse,
            "os.symlink": self._refuse,
            "os.mkdir": self._check_directory,
        } | dict.fromkeys((*one_path, *attributes, *others), self._check_path)

    def _check_open(self, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if isinstance(flags, int) and flags & _WRITE_FLAGS and path != os.devnull:
            self._check_path((path,))

    def _check_directory(self, arguments: tuple[Any, ...]) -> None:
        if os.path.realpath(os.fsdecode(arguments[0])) != str(self.root):  # yt-dlp makes sure that it is there
            self._refuse(arguments)

    def _check_two_paths(self, arguments: tuple[Any, ...]) -> None:
        self._check_path((arguments[0],))
        self._check_path((arguments[1],))

    def _check_path(self, arguments: tuple[Any, ...]) -> None:
        path = arguments[0]
        if isinstance(path, int):  # a descriptor, checked when it was opened
            return
        # Events do not tell the directory that a descriptor stands for: a relative path counts from the work directory.
        resolved = Path(os.path.realpath(os.fsdecode(path)))
        if not resolved.is_relative_to(self.root):
            self._refuse((resolved,))

    def _refuse(self, arguments: tuple[Any, ...]) -> None:
        self.denials.append(str(arguments[0]))
        raise ConfinementError(f"no such change is allowed here: {arguments[0]}")
