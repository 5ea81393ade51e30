"""Which addresses may be connected to, and the check that enforces it for Python's sockets. For others see `proxy`.

The policy judges the address that is really connected to, never a name: a name may resolve differently a moment later.
"""

import functools
import ipaddress
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from jobs.engine.contract import EgressPolicy

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Neither `is_global` nor `is_private` will do: Python 3.11 calls multicast and site-local addresses global, and looks
# into no tunnel. Source: IANA's special-purpose address registries, and the clouds' own documentation.
_SPECIAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local, and the clouds' metadata service
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays into 6to4
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "100.100.100.200/32",  # Alibaba's metadata service
        "168.63.129.16/32",  # Azure's host
    )
)
_SPECIAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3ffe::/16",
        "3fff::/20",
        "fd00:ec2::/32",  # Amazon's metadata service, and others of each of its machines
        "fd20:ce::254/128",  # Google's metadata service
        "fd00:c1::a9fe:a9fe/128",  # Oracle's
        "fd00:42::42/128",  # Scaleway's
    )
)
_PRIVATE = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carriers' NAT
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
SHORTEST_TRY_SECONDS = 0.1
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class EgressDenied(PermissionError):
    """A connection to an address that the policy forbids."""


def is_allowed(address: str, port: int, policy: EgressPolicy) -> bool:
    """Whether the policy lets a connection to this IP literal through. Never for names, or spellings only libc knows.

    `allow_private` opens private networks and loopback, but neither link-local, multicast, unspecified, reserved and
    tunnelled addresses nor the clouds' metadata services; those need an entry in `allow`. A NAT64 prefix of the
    operator's own is unknown here.
    Raises ValueError for an `allow` entry that is neither a CIDR block nor address:port.
    """
    literal = _parse(address)
    if literal is None:
        return False
    if any(literal in network and allowed_port in (None, port) for network, allowed_port in _allowances(policy.allow)):
        return True
    if any(literal in network for network in _PRIVATE):
        return policy.allow_private and not _is_special(literal)
    return not _is_special(literal)


def open_connection(host: str, port: int, policy: EgressPolicy, *, timeout_seconds: float) -> socket.socket:
    """Resolve once, and connect to the first address that the policy allows and that answers.

    `timeout_seconds` is for all addresses together: each gets an equal share of what is left of it.
    Raises EgressDenied when an address was forbidden and no other answered, and OSError as
    `socket.create_connection` does.
    """
    denied: EgressDenied | None = None
    error = OSError(f"{host} has no address")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    deadline = time.monotonic() + timeout_seconds
    for tried, (family, kind, protocol, _, target) in enumerate(found):
        if not is_allowed(str(target[0]), port, policy):
            denied = EgressDenied(f"egress denied: {target[0]} port {port}")
            continue
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(max((deadline - time.monotonic()) / (len(found) - tried), SHORTEST_TRY_SECONDS))
        try:
            connection.connect(target)
        except OSError as refused:
            connection.close()
            error = refused
        else:
            return connection
    raise denied or error


def _parse(address: str) -> Address | None:
    try:
        literal = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return _unwrapped(literal)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that a mapped or a NAT64 address leads to. Other tunnels stay what they are, and are refused."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_special(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _SPECIAL_V4)
    if any(address in network for network in _SPECIAL_V6):
        return True
    return address not in _GLOBAL_V6 and not any(address in network for network in _PRIVATE)


@functools.lru_cache(maxsize=16)
def _allowances(entries: tuple[str, ...]) -> tuple[tuple[Network, int | None], ...]:
    return tuple(_allowance(entry) for entry in entries)


def _allowance(entry: str) -> tuple[Network, int | None]:
    single = re.fullmatch(r"\[(?P<v6>[^\]]+)\]:(?P<port6>\d+)|(?P<v4>[\d.]+):(?P<port4>\d+)", entry.strip())
    if single is None:
        return ipaddress.ip_network(entry.strip(), strict=False), None
    return ipaddress.ip_network(single["v6"] or single["v4"]), int(single["port6"] or single["port4"])


@dataclass(kw_only=True)
class SocketGuard:
    """Judges every connection that Python code makes, by audit events, and remembers what it refused."""

    policy: EgressPolicy
    on_denial: Callable[[str], None] | None = None
    denials: list[str] = field(default_factory=list)

    def checks(self) -> dict[str, Callable[[tuple[Any, ...]], None]]:
        """Checks by audit event, for an audit hook to call with the event's arguments."""
        return {
            "socket.connect": self._check_target,
            "socket.sendto": self._check_target,
            "socket.sendmsg": self._check_target,
        }

    def deny(self, host: object, port: object) -> EgressDenied:
        """Remember a refusal, and the error to raise for it."""
        target = f"{host} port {port}"
        self.denials.append(target)
        if self.on_denial is not None:
            self.on_denial(target)
        return EgressDenied(f"egress denied: {target}")

    def _check_target(self, arguments: tuple[Any, ...]) -> None:
        connection, target = arguments[0], arguments[1]
        if target is None:  # sendmsg on a socket that is connected already
            return
        is_internet = connection.family in (socket.AF_INET, socket.AF_INET6)
        if not is_internet or connection.type != socket.SOCK_STREAM:
            raise self.deny(f"a socket of family {connection.family}", "-")
        host, port = target[0], target[1]
        if not isinstance(host, str) or not is_allowed(host, port, self.policy):
            raise self.deny(host, port)
