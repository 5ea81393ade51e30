import pytest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.addresses import client_address, limited_as


def address(peer: str, forwarded: str = "") -> str:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers))


def test_a_forwarded_header_of_a_stranger_is_ignored(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    assert address("203.0.113.9", "198.51.100.1") == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("1.2.3.4, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_trusted_proxies_tell_the_last_address_they_did_not_add_themselves(
    settings: Settings, forwarded: str, client: str
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    assert address("10.0.0.1", forwarded) == client


def test_addresses_of_one_ipv6_network_count_together() -> None:
    assert limited_as("2001:db8:1:2::1") == limited_as("2001:db8:1:2:ffff::9")
    assert limited_as("2001:db8:1:2::1") != limited_as("2001:db8:1:3::1")


def test_an_ipv4_address_counts_the_same_however_it_is_written() -> None:
    assert limited_as("::ffff:203.0.113.9") == limited_as("203.0.113.9") == "203.0.113.9"


def test_a_unix_socket_has_no_address() -> None:
    assert limited_as(address("")) == ""
