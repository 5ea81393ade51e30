"""Who asks for what is being done to a job: its caller, unless `operations` say that an operator does."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_operator: ContextVar[bool] = ContextVar("is_operator", default=False)


@contextmanager
def as_operator() -> Iterator[None]:
    """What is asked for within is told in timelines as an operator's."""
    token = _is_operator.set(True)
    try:
        yield
    finally:
        _is_operator.reset(token)


def is_operator() -> bool:
    return _is_operator.get()


def reason(verb: str) -> str:
    """Why a job moves, for its timeline: `verb` as in "cancelled"."""
    return told(verb, is_operators=is_operator())


def told(verb: str, *, is_operators: bool) -> str:
    return f"{verb} by the operator" if is_operators else f"{verb} by the caller"
