"""One thing that was looked at, and what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Status(StrEnum):
    """`error`: something does not work. `warning`: it works, and the operator should know."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """`mend` says what to do; empty where there is nothing to mend."""

    check: str
    status: Status
    message: str
    mend: str = ""


Check: TypeAlias = Callable[[], Iterator[Finding]]


def fine(check: str, message: str) -> Finding:
    """Nothing to mend."""
    return Finding(check, Status.OK, message)


def warning(check: str, message: str, mend: str) -> Finding:
    """Something to know."""
    return Finding(check, Status.WARNING, message, mend)


def error(check: str, message: str, mend: str) -> Finding:
    """Something that does not work."""
    return Finding(check, Status.ERROR, message, mend)
