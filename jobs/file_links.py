"""Signed links to results: made for answers and for messages, and read again. Serving is `media_api`'s part.

Where a link begins is known while a call is served, and remembered with what the call makes, for workers.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core import signing

from jobs.models import Job, MediaFile

SIGNER = signing.Signer(salt="media_api.files")  # as links that are in use were signed
PREFIX = "/files/"
LONGEST_ORIGIN = 300
SAFE = "!$&'()*+,;=~:@"  # what a part of a path may hold as it is

_caller_origin: ContextVar[Callable[[], str] | None] = ContextVar("caller_origin", default=None)


class NotOurLink(Exception):
    """The token was not made here, or is incomplete."""


class LinkOver(Exception):
    """The token was good until a while ago."""


@contextmanager
def call_from(origin: Callable[[], str]) -> Iterator[None]:
    """While it lasts, `origin` gives scheme and host at which the caller who is served reached the service."""
    token = _caller_origin.set(origin)
    try:
        yield
    finally:
        _caller_origin.reset(token)


def caller_origin() -> str:
    """That of the call that is being served; empty when none is."""
    origin = _caller_origin.get()
    return origin()[:LONGEST_ORIGIN] if origin is not None else ""


def path_of(file: MediaFile) -> str:
    """A path to the file that needs no key. It works for FILE_LINK_SECONDS, and not longer than the file is kept."""
    expiry = int(time.time() + _lifetime(file))
    token = SIGNER.sign_object([file.public_id, expiry])
    return f"{PREFIX}{quote(token, safe=SAFE)}/{quote(file.name, safe=SAFE)}"


def seconds_left(file: MediaFile) -> int:
    """How long a link that is made now may work: one at least."""
    return max(int(_lifetime(file)), 1)


def origin_for(job: Job) -> str:
    """Where links begin that tell of a job outside of any call: PUBLIC_URL, else where its caller reached the service.

    Empty when neither is known: the link is a path then.
    """
    remembered = job.link_origin or (job.batch.link_origin if job.batch else "")
    return str(settings.PUBLIC_URL) or remembered


def file_id_of(token: str) -> str:
    """The id of the file that a token is for. Raises NotOurLink or LinkOver."""
    try:
        found: Any = SIGNER.unsign_object(token)
        public_id, expiry = found
    except (signing.BadSignature, ValueError) as error:
        raise NotOurLink from error
    if expiry < time.time():
        raise LinkOver
    return str(public_id)


def _lifetime(file: MediaFile) -> float:
    expires_at = file.job.expires_at
    kept = float("inf") if expires_at is None else expires_at.timestamp() - time.time()
    return min(float(settings.FILE_LINK_SECONDS), kept)
