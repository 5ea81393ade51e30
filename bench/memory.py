"""Memory of process trees: the proportional set size, where pages shared by n processes count one n-th for each."""

from collections.abc import Iterable
from pathlib import Path

from bench import NotMeasured

PROC = Path("/proc")
KIB = 1024


def pss_bytes(text: str) -> int:
    """What a `smaps_rollup` says. Raises ValueError when it says nothing."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "Pss":
            number, unit = value.split()
            if unit != "kB":
                raise ValueError(f"unknown unit {unit!r}")
            return int(number) * KIB
    raise ValueError("no Pss line")


def parent_of(stat: str) -> int:
    """The parent's id in a `/proc/*/stat`; the program's name in it may hold blanks and brackets."""
    return int(stat.rpartition(")")[2].split()[1])


def tree(root: int) -> list[int]:
    """The living processes from `root` down, itself included."""
    children: dict[int, list[int]] = {}
    for pid in _all_processes():
        try:
            children.setdefault(parent_of((PROC / str(pid) / "stat").read_text(errors="replace")), []).append(pid)
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, []))
    return found


def measure(root: int) -> dict[int, int]:
    """Bytes of each living process from `root` down."""
    sizes = {}
    for pid in tree(root):
        try:
            sizes[pid] = pss_bytes((PROC / str(pid) / "smaps_rollup").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError as error:
            raise NotMeasured(f"the kernel hides the memory of process {pid}") from error
    if not sizes:
        raise NotMeasured("the service's processes are gone")
    return sizes


def with_variable(name: str, value: str) -> list[int]:
    """The living processes that were started with this variable in their environment."""
    wanted = f"{name}={value}".encode()
    return [pid for pid in _all_processes() if wanted in _environment(pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is somebody else's
        return []


def _all_processes() -> Iterable[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
