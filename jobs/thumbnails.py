"""Pictures of what is downloaded, fetched here so that no third party sees who looks at them, and kept for a while.

Only images by their first bytes, none that can hold a script, bounded in size and time, from addresses that downloads
may reach. What is kept is found by the picture's address and belongs to nobody in particular.
"""

import contextlib
import hashlib
import http.client
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.core import signing
from django.core.cache import cache as shared

from jobs import exchange
from jobs.engine import egress
from jobs.engine.domains import is_within
from jobs.errors import LinkRefused
from jobs.links import web_host
from jobs.webhooks import addresses

LARGEST_BYTES = 2 * 1024 * 1024
LONGEST_SECONDS = 6.0  # for all of it, redirects too
MOST_REDIRECTS = 3
LONGEST_ADDRESS = 1500  # characters; servers and proxies refuse longer paths than its token makes
WAIT_SECONDS = 3.0  # for a place among those that fetch
KEPT_SECONDS = 7 * 24 * 3600
NOT_ASKED_AGAIN_SECONDS = 300  # for a picture that could not be had
HEADERS = {"Accept": "image/avif,image/webp,image/png,image/jpeg,image/gif", "User-Agent": "Mozilla/5.0"}
REDIRECTS = (301, 302, 303, 307, 308)

_signer = signing.Signer(salt="jobs.thumbnails")


class NoPicture(Exception):
    """There is none to show: it could not be fetched, or is not an image that browsers show without danger."""


class Busy(Exception):
    """Too many pictures are being fetched; the same one may be had a moment later."""


@dataclass(frozen=True)
class Picture:
    """An image and what it is."""

    content: bytes
    mime_type: str


def token_of(address: str | None) -> str:
    """What stands for the address on pages, always the same; empty for what is no address. Only this server makes it:
    it does not fetch for whoever asks.
    """
    usable = address and address.startswith(("http://", "https://")) and len(address) <= LONGEST_ADDRESS
    return _signer.sign_object(address, compress=True) if usable else ""


def picture_of(token: str) -> Picture:
    """The picture that a token stands for, kept or fetched now.

    Raises NoPicture, Busy, and `signing.BadSignature` for what is no token.
    """
    address = str(_signer.unsign_object(token))
    path = _path_of(address)
    kept = _kept(path)
    if kept is not None:
        return kept
    mark = f"no-thumbnail:{path.name}"
    if shared.get(mark):
        raise NoPicture
    try:
        with _place_to_fetch():
            picture = _fetched(address)
    except NoPicture:
        shared.set(mark, True, NOT_ASKED_AGAIN_SECONDS)
        raise
    _keep(path, picture.content)
    return picture


def sweep() -> int:
    """Delete what is old, and the oldest of what is too much: THUMBNAIL_CACHE_BYTES. Returns how many."""
    found = sorted(_kept_files(), key=lambda one: one[1], reverse=True)
    oldest = time.time() - KEPT_SECONDS
    deleted = total = 0
    for path, changed, size in found:
        total += size
        if changed < oldest or total > settings.THUMBNAIL_CACHE_BYTES:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def mime_type_of(content: bytes) -> str | None:
    """The type of an image that its first bytes tell; None for everything else, SVG among it: it may hold scripts."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return None


def _fetched(address: str) -> Picture:
    deadline = time.monotonic() + LONGEST_SECONDS
    try:
        for _ in range(MOST_REDIRECTS + 1):
            content, address = _followed(address, deadline)
            if content is not None:
                return _judged(content)
    except (egress.EgressDenied, OSError, http.client.HTTPException, ValueError, LinkRefused) as error:
        raise NoPicture from error
    raise NoPicture


def _followed(address: str, deadline: float) -> tuple[bytes | None, str]:
    """The bytes at the address, or where it leads to."""
    if is_within(web_host(address), settings.BLOCKED_DOMAINS):
        raise NoPicture
    with exchange.answered("GET", address, HEADERS, policy=addresses.policy(), deadline=deadline) as (response, _):
        if response.status in REDIRECTS:
            return None, urljoin(address, response.getheader("Location") or "")
        if response.status != 200:
            raise NoPicture
        return response.read(LARGEST_BYTES + 1), address


def _judged(content: bytes) -> Picture:
    mime_type = mime_type_of(content)
    if mime_type is None or len(content) > LARGEST_BYTES:
        raise NoPicture
    return Picture(content, mime_type)


def _path_of(address: str) -> Path:
    name = hashlib.sha256(address.encode()).hexdigest()
    return Path(settings.THUMBNAILS_DIR) / name[:2] / name


def _kept(path: Path) -> Picture | None:
    try:
        return _judged(path.read_bytes())
    except (FileNotFoundError, NoPicture):
        return None


def _keep(path: Path, content: bytes) -> None:
    """Whole or not at all: another thread may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _kept_files() -> Iterator[tuple[Path, float, int]]:
    """Each kept file, when it was stored, and its size."""
    for path in Path(settings.THUMBNAILS_DIR).glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            yield path, status.st_mtime, status.st_size


@contextlib.contextmanager
def _place_to_fetch() -> Iterator[None]:
    """A quarter of a web process's threads may wait for other sites' pictures."""
    places = _places(max(1, settings.WEB_THREADS // 4))
    if not places.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        yield
    finally:
        places.release()


@cache
def _places(number: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(number)
