"""Which addresses may be told of events. The address that a name leads to is judged when it is connected to."""

import ipaddress
import socket

from django.conf import settings

from jobs.engine import egress
from jobs.engine.contract import EgressPolicy
from jobs.errors import LinkRefused
from jobs.exchange import port_of
from jobs.links import web_host


def accepted_host(url: str, *, field: str) -> str:
    """The receiver's host name, lower case. Raises LinkRefused, naming the field, for what could never be reached.

    ALLOWED_DOMAINS does not apply: it says where downloads may come from.
    """
    if len(url) > settings.LONGEST_URL:
        raise LinkRefused(f"A link has at most {settings.LONGEST_URL} characters.", field=field)
    host = web_host(url, field=field)
    literal = _literal(host)
    if literal is not None and not egress.is_allowed(literal, port_of(url), policy()):
        raise LinkRefused(
            "This server sends nothing to this address: it is private or reserved. The operator can allow it with "
            "ALLOW_PRIVATE_ADDRESSES or EGRESS_ALLOW.",
            field=field,
        )
    return host


def policy() -> EgressPolicy:
    """Which addresses may be connected to: the same ones as for downloads."""
    return EgressPolicy(allow_private=settings.ALLOW_PRIVATE_ADDRESSES, allow=tuple(settings.EGRESS_ALLOW))


def _literal(host: str) -> str | None:
    """The address that a host spells out, in the spellings that only libc knows too; None for a name."""
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass  # decimal, octal or short, if an address at all
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
