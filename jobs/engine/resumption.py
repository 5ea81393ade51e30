"""What tells one version of a remote file from another, so that a changed file is fetched anew instead of mixed.

An origin that names no version cannot be asked whether it is still the same; then nothing here helps.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from jobs.engine.workspace import VALIDATORS_NAME

MAX_VALIDATORS = 64  # one attempt resumes two or three files
MAX_VALIDATOR_CHARACTERS = 1000

_RANGE_START = re.compile(r"\s*bytes\s*=\s*(\d{1,20})\s*-")


class Validators:
    """The version of each file of which bytes lie in a work directory, as an `If-Range` header names it.

    Outlives the process: it is written down before the bytes are. Addresses are kept as digests, for they hold secrets.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / VALIDATORS_NAME
        self._known = _read(self._path)

    def of(self, url: str) -> str | None:
        """What the bytes that came from this address are a version of, when the answer said so."""
        return self._known.get(_key(url))

    def remember(self, url: str, validator: str | None) -> None:
        """Bytes of this version are about to be written; of an unknown one, when there is no validator."""
        if self.of(url) == validator:
            return
        self._known.pop(_key(url), None)
        if validator is not None:
            self._known[_key(url)] = validator
        for oldest in list(self._known)[:-MAX_VALIDATORS]:
            del self._known[oldest]
        unfinished = self._path.with_name(f"{self._path.name}.new")
        unfinished.write_text(json.dumps(self._known), encoding="utf-8")
        unfinished.rename(self._path)


def validator(headers: Mapping[str, str]) -> str | None:
    """An answer's strong ETag, else its Last-Modified. A weak ETag does not promise the same bytes."""
    etag = (headers.get("ETag") or "").strip()
    if etag.startswith('"'):
        return _usable(etag)
    return _usable((headers.get("Last-Modified") or "").strip())


def starts_late(range_header: str | None) -> bool:
    """Whether a Range header leaves out the beginning, as one that resumes does."""
    found = _RANGE_START.match(range_header or "")
    return found is not None and int(found[1]) > 0


def _usable(text: str) -> str | None:
    return text if text and len(text) <= MAX_VALIDATOR_CHARACTERS and text.isascii() and text.isprintable() else None


def _key(url: str) -> str:
    return hashlib.sha256(url.encode(errors="replace")).hexdigest()


def _read(path: Path) -> dict[str, str]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        known = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return {str(key): str(value) for key, value in known.items()}
    return {}
