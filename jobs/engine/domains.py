"""Host names and the domains they belong to. Pure."""

import ipaddress
import re
from collections.abc import Iterable

YOUTUBE = ("youtube.com", "youtu.be", "youtube-nocookie.com")
LONGEST_HOST = 253

_HOST_NAME = re.compile(r"[a-z0-9._-]+")


def normal_host(host: str) -> str:
    """The ASCII form of a host name, so that look-alikes of a domain are that domain. Raises ValueError for no name.

    Python's codec follows RFC 3490: full-width letters and ideographic full stops become plain ones.
    """
    if ":" in host:  # an IPv6 address
        return host
    name = host.rstrip(".").encode("idna").decode("ascii").lower()
    if len(name) > LONGEST_HOST or not _HOST_NAME.fullmatch(name):
        raise ValueError("not a host name")
    return name


def listed_one(entry: str) -> str:
    """An entry of an operator's list in its normal form; `*.` in front changes nothing. Raises ValueError."""
    name = entry.strip(" .").removeprefix("*.").strip("[]")
    return str(ipaddress.ip_address(name)) if ":" in name else normal_host(name)


def listed(entries: Iterable[str]) -> list[str]:
    """An operator's list of domains, as host names are compared with it. Raises ValueError."""
    return [listed_one(entry) for entry in entries]


def is_within(host: str, domains: Iterable[str]) -> bool:
    """Whether a normal host name is one of the domains, or below one."""
    return any(host == domain or host.endswith(f".{domain}") for domain in (d.strip(" .").lower() for d in domains))
