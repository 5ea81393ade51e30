"""Which links this installation takes. Addresses are not judged here: what a name resolves to is decided when the
engine connects.
"""

import re
from urllib.parse import urlsplit

from django.conf import settings

from jobs.engine.domains import YOUTUBE, is_within, normal_host
from jobs.errors import LinkRefused

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def accepted_host(url: str) -> str:
    """The link's host name, lower case. Raises LinkRefused when the link or its host is not allowed here."""
    host = web_host(url)
    if "__youtubedl_smuggle" in url:
        raise LinkRefused("This link carries options for the downloader, which is not allowed.")
    if is_within(host, settings.BLOCKED_DOMAINS):
        raise LinkRefused(f"Downloads from {host} are not allowed here.")
    if settings.ALLOWED_DOMAINS and not is_within(host, settings.ALLOWED_DOMAINS):
        raise LinkRefused(
            f"Downloads from {host} are not allowed here. Allowed: {', '.join(settings.ALLOWED_DOMAINS)}."
        )
    if not settings.ALLOW_YT_DOWNLOADS and is_within(host, YOUTUBE):
        raise LinkRefused(
            "Downloads from YouTube are turned off here. The operator can allow them with ALLOW_YT_DOWNLOADS=true."
        )
    return host


def web_host(url: str, *, field: str = "url") -> str:
    """The host name of any address on the web, lower case. Raises LinkRefused, naming the field, for what is none."""
    if _CONTROL.search(url):  # Python leaves some of them out where others end the link
        raise LinkRefused("A link must not hold tabs, line breaks and other control characters.", field=field)
    try:
        parts = urlsplit(url)
        host = normal_host(parts.hostname or "")
        _ = parts.port  # raises ValueError for a port that is no number
    except ValueError as error:
        raise LinkRefused("This is not a valid link: check its host name and port.", field=field) from error
    if parts.scheme not in ("http", "https") or not host:
        raise LinkRefused("A link starts with http:// or https:// and names a host.", field=field)
    if parts.username or parts.password:
        raise LinkRefused("A link must not carry a user name or password: it would be stored and shown.", field=field)
    return host
