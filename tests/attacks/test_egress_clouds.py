"""What clouds tell their machines, roles and their keys among it: out of reach even where private networks are not."""

import pytest

from jobs.engine.contract import EgressPolicy
from jobs.engine.egress import is_allowed

CLOUDS = {
    "most clouds": "169.254.169.254",
    "Amazon over IPv6": "fd00:ec2::254",
    "Amazon's identities of pods": "169.254.170.23",
    "Amazon's identities of pods over IPv6": "fd00:ec2::23",
    "Amazon's containers": "169.254.170.2",
    "Google over IPv6": "fd20:ce::254",
    "Oracle": "192.0.0.192",
    "Oracle over IPv6": "fd00:c1::a9fe:a9fe",
    "Azure's host": "168.63.129.16",
    "Alibaba": "100.100.100.200",
    "Scaleway": "169.254.42.42",
    "Scaleway over IPv6": "fd00:42::42",
    "OpenStack over IPv6": "fe80::a9fe:a9fe",
    "most clouds, mapped into IPv6": "::ffff:169.254.169.254",
    "most clouds, behind NAT64": "64:ff9b::a9fe:a9fe",
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_private_addresses_may_be_allowed_without_the_metadata_of(cloud: str) -> None:
    assert not is_allowed(CLOUDS[cloud], 80, EgressPolicy(allow_private=True))
    assert not is_allowed(CLOUDS[cloud], 80, EgressPolicy(allow_private=True, allow=("10.0.0.0/8", "fd12::/16")))


def test_an_operator_can_still_name_one() -> None:
    assert is_allowed("fd20:ce::254", 80, EgressPolicy(allow=("[fd20:ce::254]:80",)))
