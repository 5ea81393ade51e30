"""What the worker believes of what a child says: nothing that a healthy child would not say.

A child that ran hostile code may write anything into its pipe and its work directory. What passes here has the right
types, is bounded, and names plain files of the child's own. Not checked is what only the child can know: a file's
checksum and duration, and metadata. Those are true as far as the child is honest.
"""

import dataclasses
import functools
import json
import math
import os
import re
import stat
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from jobs.engine.contract import Failure, ProducedFile, Request, Result
from jobs.engine.file_types import MIME_TYPES
from jobs.engine.workspace import CONTROL_NAMES

MAX_FILES = 1000
MAX_NAME_CHARACTERS = 300
MAX_TEXT_CHARACTERS = 20_000
_LARGEST_INTEGER = 2**63 - 1  # of a database
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

T = TypeVar("T")


class _OutOfRange(ValueError):
    """A number that is none of the kind; where a number may be unknown, it is."""


class Unbelievable(Exception):
    """A child says what no child of ours would say. The message is for the log."""


def parse(text: str | bytes) -> Any:
    """JSON, and not what Python takes for it besides: no NaN, no Infinity, no bottomless nesting."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unbelievable("no JSON") from error


def typed(kind: type[T], fields: Any, *, longest: int = MAX_TEXT_CHARACTERS) -> T:
    """An instance of a flat dataclass, every field of the type that the class declares, text cut at `longest`."""
    if not isinstance(fields, dict):
        raise Unbelievable(f"no fields of {kind.__name__}")
    hints = _hints(typing.cast(Hashable, kind))
    if unknown := fields.keys() - hints.keys():
        raise Unbelievable(f"{kind.__name__} has no {sorted(map(str, unknown))[:3]}")
    try:
        return kind(**{name: _converted(value, hints[name], longest) for name, value in fields.items()})
    except (ValueError, TypeError, RecursionError) as error:
        raise Unbelievable(f"wrong fields of {kind.__name__}: {error}") from error


def failure(data: Any) -> Failure:
    """The failure that a child describes."""
    return typed(Failure, data)


def result(data: Any, request: Request) -> Result:
    """The result that a child describes, its files looked at: each a plain file of this work directory."""
    if not isinstance(data, dict) or not isinstance(data.get("files"), list):
        raise Unbelievable("no list of files")
    if len(data["files"]) > MAX_FILES:
        raise Unbelievable(f"{len(data['files'])} files")
    found = typed(Result, data | {"files": []})
    files = tuple(_file(entry, request) for entry in data["files"])
    if len({file.path for file in files}) < len(files):
        raise Unbelievable("one file twice")
    return dataclasses.replace(found, files=files)


def _file(entry: Any, request: Request) -> ProducedFile:
    file = typed(ProducedFile, entry)
    path, name = file.path, file.path.name
    if path != request.work_dir / name or name in CONTROL_NAMES or len(name) > MAX_NAME_CHARACTERS:
        raise Unbelievable("a file outside the work directory")
    if MIME_TYPES[file.role].get(path.suffix[1:].lower()) != file.mime_type:
        raise Unbelievable(f"a {file.role} file of type {file.mime_type[:50]} named {path.suffix[:20]}")
    if not _SHA256.fullmatch(file.sha256) or "/" in (file.language or ""):
        raise Unbelievable("no checksum, or no language")
    _check_on_disk(file, request)
    return file


def _check_on_disk(file: ProducedFile, request: Request) -> None:
    try:
        status = file.path.lstat()
    except OSError as error:
        raise Unbelievable(f"a file that is not there: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != os.geteuid():
        raise Unbelievable("a file that is no plain file of the child's own")
    if status.st_size != file.size_bytes or not 0 < status.st_size <= request.limits.max_file_bytes:
        raise Unbelievable(f"a file of {status.st_size} bytes")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


@functools.cache
def _hints(kind: Hashable) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _converted(value: Any, hint: Any, longest: int) -> Any:
    """The value as the declared type. What JSON has no word for (paths, enums) comes as text. Raises ValueError."""
    is_optional = isinstance(hint, types.UnionType)
    if is_optional:
        if value is None:
            return None
        [hint] = [one for one in hint.__args__ if one is not types.NoneType]
    kind = typing.get_origin(hint) or hint
    read = _READERS.get(kind)
    try:
        return read(value) if read is not None else kind(_text(value)[:longest])
    except _OutOfRange:
        if is_optional:
            return None
        raise


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - the value is wrong, not the call
    return _storable(value)


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("no whole number")
    if not 0 <= value <= _LARGEST_INTEGER:
        raise _OutOfRange("not in range")
    return value


def _float(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError("no number")
    if not 0 <= value <= _LARGEST_INTEGER:  # nor NaN
        raise _OutOfRange("not in range")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004
    return {_storable(name): _clean(inner) for name, inner in value.items()}


def _clean(value: Any) -> Any:
    """Without what databases refuse: it takes no more than one NUL in a title to break every statement."""
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, dict):
        return {_storable(name): _clean(inner) for name, inner in value.items()}
    return value


def _storable(text: str) -> str:
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("", text)


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    int: _integer,
    float: _float,
    bool: _flag,
    dict: _object,
    tuple: tuple,
}
