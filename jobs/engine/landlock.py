"""Linux's Landlock, which lets a process without rights give up more of them, for good and for all that it starts.

Only the system calls; which files and ports are meant is the caller's business (`surroundings`, `confinement`).
https://docs.kernel.org/userspace-api/landlock.html
"""

import contextlib
import ctypes
import functools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture that has them
_VERSION_FLAG = 1
_RULE_PATH, _RULE_PORT = 1, 2
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_PR_SET_NO_NEW_PRIVS = 38
_libc = ctypes.CDLL(None, use_errno=True)
_given_up: list[bool] = []


class Access(IntFlag):
    """What may be done with files. What the kernel does not know yet stays free."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13  # rename and link between directories
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_SINCE = {1: Access((1 << 13) - 1), 2: Access.REFER, 3: Access.TRUNCATE, 5: Access.IOCTL_DEV}
_ON_FILES = Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
READ = Access.READ_FILE | Access.READ_DIR
EXECUTE = Access.READ_FILE | Access.EXECUTE
WRITE = Access.READ_FILE | Access.WRITE_FILE | Access.TRUNCATE
# Plain files only: no directories, links, devices, pipes or sockets.
OWN = READ | WRITE | Access.REMOVE_DIR | Access.REMOVE_FILE | Access.MAKE_REG


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


class _PortRule(ctypes.Structure):
    _fields_ = [("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64)]


@dataclass(frozen=True, kw_only=True)
class PathRule:
    """What is allowed with a file, or with a directory and all below it. A path that does not exist allows nothing."""

    path: str
    access: Access


@functools.cache
def version() -> int:
    """Which Landlock the kernel has; 0 where it has none, or forbids it to this process."""
    return max(int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)), 0)


def is_used() -> bool:
    """Whether children are confined by it."""
    return version() > 0 and not _given_up


def holds_ports() -> bool:
    """Whether programs can be kept from every TCP port but one."""
    return is_used() and version() >= 4


def give_up() -> None:
    """Use it no more, in this process and what it forks: for a machine on which the programs need what is forbidden."""
    _given_up.append(True)


def shortcomings() -> str:
    """What this kernel cannot forbid of what is asked of it here; empty when it can forbid everything."""
    if version() == 0:
        return "the kernel has no Landlock, or forbids it"
    missing = {3: "truncating", 4: "TCP ports", 6: "signals and abstract sockets"}
    return ", ".join(what for since, what in missing.items() if version() < since)


def restrict(rules: tuple[PathRule, ...]) -> None:
    """Forbid this thread, and what it starts from now on, every file but those of the rules, for good.

    Also: listening on TCP ports, signals to processes outside, their abstract sockets, and tracing them.
    Raises OSError when the kernel refuses.
    """
    wanted = _Ruleset(_known(Access((1 << 16) - 1)), 0, 0)
    if version() >= 4:
        wanted.handled_access_net = _BIND_TCP
    if version() >= 6:
        wanted.scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS
    with _ruleset(wanted) as ruleset:
        for rule in rules:
            _add_path(ruleset, rule)
        _enter(ruleset)


def restrict_to_port(port: int) -> None:
    """Forbid this thread, and what it starts from now on, TCP connections to any other port, on whatever address.

    Nothing where the kernel cannot. Raises OSError when it refuses.
    """
    if version() < 4:
        return
    with _ruleset(_Ruleset(0, _CONNECT_TCP, 0)) as ruleset:
        rule = _PortRule(_CONNECT_TCP, port)
        _call(_ADD_RULE, ruleset, _RULE_PORT, ctypes.byref(rule), 0)
        _enter(ruleset)


def forbid_new_rights() -> None:
    """No program that is started from here on gains rights by its set-user-id bit."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _known(access: Access) -> int:
    return int(access & functools.reduce(Access.__or__, (new for since, new in _SINCE.items() if since <= version())))


@contextlib.contextmanager
def _ruleset(wanted: _Ruleset) -> Iterator[int]:
    size = 8 if version() < 4 else 16 if version() < 6 else 24
    descriptor = _call(_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _add_path(ruleset: int, rule: PathRule) -> None:
    try:
        descriptor = os.open(rule.path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this machine, or closed to this user anyway
        return
    try:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        access = rule.access if is_directory else rule.access & _ON_FILES
        attribute = _PathRule(_known(access), descriptor)
        if attribute.allowed_access:  # the kernel takes no empty rules
            _call(_ADD_RULE, ruleset, _RULE_PATH, ctypes.byref(attribute), 0)
    finally:
        os.close(descriptor)


def _enter(ruleset: int) -> None:
    forbid_new_rights()
    _call(_RESTRICT_SELF, ruleset, 0)


def _call(number: int, *arguments: object) -> int:
    answer = int(_libc.syscall(number, *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return answer
