"""On which hosts pages may be, and from which nothing is fetched, by name.

A rule of the house and no wall: which addresses are reached, `egress` decides.

An address without a host, such as the bare id that an extractor passes to another one, cannot be judged.
"""

from urllib.parse import urlsplit

from yt_dlp.utils import YoutubeDLError

from jobs.engine.contract import Request
from jobs.engine.domains import is_within, normal_host

MAX_SHOWN_CHARACTERS = 100


class HostRefused(YoutubeDLError):  # type: ignore[misc]
    """The link leads to a host that the request rules out. The message is for users."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The link leads to {host[:MAX_SHOWN_CHARACTERS]}, and downloads from there are turned off here."
        )


def check(url: str, request: Request) -> None:
    """Raise HostRefused unless the request's rules let a page be at this address."""
    host = host_of(url)
    if host is None:
        return
    is_ruled_out = bool(request.allowed_hosts) and not is_within(host, request.allowed_hosts)
    if is_ruled_out or is_within(host, request.refused_hosts):
        raise HostRefused(host)


def check_fetch(url: str, request: Request) -> None:
    """Raise HostRefused for anything at all, media too, from a host that the request refuses by name."""
    host = host_of(url)
    if host is not None and is_within(host, request.refused_hosts):
        raise HostRefused(host)


def host_of(url: str) -> str | None:
    """The host as it is asked for in the end, or None when there is none."""
    try:
        return normal_host(urlsplit(url).hostname or "")
    except ValueError:
        return None
