"""What of this machine a child may read and start: libraries, certificates, names, its programs. Nobody's data.

A list of what is allowed, for Landlock. Not on it are the database, secrets, configuration, homes, other jobs, and
/proc.
"""

import functools
import os
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from jobs.engine import landlock
from jobs.engine.contract import Tools
from jobs.engine.landlock import EXECUTE, OWN, READ, WRITE, PathRule

_ENGINE = Path(__file__).resolve().parent
_PROJECT = _ENGINE.parent.parent  # may hold the database and `.env`
_SCRIPT_START = b"#!"
START_SECONDS = 20

_LIBRARIES = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"),
    *("/nix/store", "/gnu/store", "/etc/ld.so.cache", "/etc/ld.so.preload"),
)
_CERTIFICATES = (
    *("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/ca-certificates"),
    *("/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust"),
    *("/etc/crypto-policies", "/var/lib/ca-certificates"),
)
_NAMES = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf"),
)
_OTHERS = (
    *("/usr/share", "/usr/local/share", "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/fonts"),
    *("/etc/os-release", "/dev/urandom", "/dev/random", "/dev/zero"),
    *("/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/overcommit_memory"),
)
_LOADERS = ("/lib64", "/lib", "/usr/lib64", "/usr/lib")  # where the kernel's helper that starts programs is
_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def rules(work_dir: Path, tools: Tools) -> tuple[PathRule, ...]:
    """The rules of one child. The work directory is its own; nothing that contains that or this project is opened."""
    top = work_dir.resolve()
    return (
        *(PathRule(path=path, access=READ) for path in _readable(tools, top.parent)),
        *(PathRule(path=path, access=EXECUTE) for path in _executable(tools)),
        PathRule(path=os.devnull, access=WRITE),
        PathRule(path=str(top), access=OWN),
    )


def trouble(tools: Tools, work_root: Path) -> str:
    """What the kernel cannot forbid children here, as a line for the log; empty when it can forbid all that it should.

    Starts each program once under the rules of a child. Where one does not, on a machine that keeps its libraries in
    some other place, Landlock is given up for this process and all that it forks.
    """
    if not landlock.version():
        return landlock.shortcomings()
    allowed = rules(work_root / "none", tools)
    starting = [(program.name, _start(program, allowed)) for program in _programs(tools)]
    failing = [name for name, process in starting if process is None or process.wait(START_SECONDS) != 0]
    if not failing:
        return landlock.shortcomings()
    landlock.give_up()
    return f"Landlock is not used, for under it these do not start: {', '.join(failing)}"


def _start(program: Path, allowed: tuple[PathRule, ...]) -> subprocess.Popen[bytes] | None:
    """The program on its way to say its version; None when it, or the rules, cannot even be tried."""
    option = "-version" if program.name.startswith("ff") else "--version"
    try:
        return subprocess.Popen(
            [program, option],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: landlock.restrict(allowed),  # noqa: PLW1509 - at start-up, without threads
        )
    except (OSError, subprocess.SubprocessError):
        return None


@functools.lru_cache(maxsize=8)
def _readable(tools: Tools, work_root: Path) -> tuple[str, ...]:
    beside = [program.resolve().parent.parent / "lib" for program in _programs(tools)]
    given = [value for name in _CERTIFICATE_VARIABLES if (value := os.environ.get(name))]
    defaults = ssl.get_default_verify_paths()
    certificates = [path for path in (defaults.openssl_cafile, defaults.openssl_capath, *given) if path]
    paths: list[str | Path] = [*_LIBRARIES, *_CERTIFICATES, *certificates, *_NAMES, *_OTHERS, *_python(), *beside]
    existing = {Path(path).resolve() for path in paths if Path(path).exists()}
    return tuple(_without_nested(path for path in existing if not _holds_data(path, work_root)))


def _python() -> Iterator[str]:
    """Where modules are found that are imported late. Of this project, only the engine."""
    yield str(_ENGINE)
    yield f"{sys.base_prefix}/lib"  # libpython
    yield from filter(None, sys.path)


def _holds_data(path: Path, work_root: Path) -> bool:
    return work_root.is_relative_to(path) or _PROJECT.is_relative_to(path)


@functools.cache
def _executable(tools: Tools) -> tuple[str, ...]:
    """The programs, the interpreters of those that are scripts, and the loader that the kernel starts programs with."""
    programs = [os.path.realpath(program) for program in _programs(tools)]
    if any(_is_script(program) for program in programs):
        programs += ["/bin/sh", os.path.realpath(sys.executable)]
    loaders = [str(path) for directory in _LOADERS for path in Path(directory).glob("ld-*.so*")]
    return tuple(dict.fromkeys([*programs, *loaders]))


def _programs(tools: Tools) -> list[Path]:
    return [program for program in (tools.ffmpeg, tools.ffprobe, tools.js_runtime) if program is not None]


def _is_script(program: str) -> bool:
    with Path(program).open("rb") as file:
        return file.read(len(_SCRIPT_START)) == _SCRIPT_START


def _without_nested(paths: Iterable[Path]) -> list[str]:
    """Each costs a few system calls for each child."""
    unique = set(paths)
    return sorted(str(path) for path in unique if unique.isdisjoint(path.parents))
