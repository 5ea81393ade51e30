"""The variables that a child has, built from nothing, and how those that a process was started with are hidden."""

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the launcher, a small process, has no other use for it
    from jobs.engine.contract import Request

_INHERITED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "TZ")
_ENV_START, _ENV_END = 50 - 3, 51 - 3  # in /proc/self/stat, after the name: proc(5) counts from 1


def built(request: "Request", proxy_url: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables of a child. Built, not inherited: the worker's hold the service's secrets."""
    home = str(request.work_dir)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), proxy_url)
    kept = {name: inherited[name] for name in _INHERITED if name in inherited}
    own = {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "YTDLP_NO_PLUGINS": "1"}
    return kept | own | proxies


def replace(variables: Mapping[str, str]) -> None:
    """Have these variables and no others, in /proc as well."""
    os.environ.clear()
    os.environ.update(variables)
    hide()


def hide() -> None:
    """Blank the variables that this program was started with where /proc shows them; they stay in `os.environ`.

    Who can read /proc/<pid>/environ of the service, as every process of its user can where nothing forbids it, finds
    no secrets there, nor does `ps e`. A fork shows what its parent shows, a program started from here what it is given.
    """
    for name, value in os.environ.items():
        os.environ[name] = value  # the C library's strings move away from the block that is blanked
    start, end = _block()
    if start < end and ctypes.string_at(start, 1) != b"\0":
        ctypes.memset(start, 0, end - start)


def _block() -> tuple[int, int]:
    """Where the kernel laid the variables; nowhere on systems without /proc."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0, 0
    return int(fields[_ENV_START]), int(fields[_ENV_END])
