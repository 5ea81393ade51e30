"""Whose address a request came from. Forwarded headers are believed only from proxies that the operator named."""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(request: HttpRequest) -> str:
    """The address of the client, or of its last untrusted proxy; empty when the server gave none (a Unix socket)."""
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    address = str(request.META.get("REMOTE_ADDR", ""))
    while hops and _is_trusted(address):
        hop = hops.pop().strip()
        if not _is_address(hop):
            break
        address = hop
    return address


def limited_as(address: str) -> str:
    """The address that counts for limits: an IPv6 network of 64 bits is one customer."""
    if not _is_address(address):
        return address
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(address: str) -> bool:
    if not settings.TRUSTED_PROXIES or not _is_address(address):
        return False
    return any(ipaddress.ip_address(address) in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=8)
def _networks(blocks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(block, strict=False) for block in blocks)
