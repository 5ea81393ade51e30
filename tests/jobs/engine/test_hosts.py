"""Which hosts a request's rules let pages be on."""

from pathlib import Path
from typing import Any

import pytest

from jobs.engine import hosts
from tests.jobs.engine.attempts import make_request


def is_refused(url: str, **rules: Any) -> bool:
    try:
        hosts.check(url, make_request("http://a.example/", Path("/nowhere"), **rules))
    except hosts.HostRefused:
        return True
    return False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://video.example/a", True),
        ("https://WWW.Video.Example.:8443/a", True),
        ("https://user@m.video.example/a", True),
        ("https://\uff56ideo.example/a", True),
        ("https://notvideo.example/a", False),
        ("https://video.example.org/a", False),
        ("https://other.example/?u=video.example", False),
        ("dQw4w9WgXcQ", False),
        ("http://[::1", False),
    ],
)
def test_a_refused_host_is_refused_with_all_below(url: str, expected: bool) -> None:
    assert is_refused(url, refused_hosts=("video.example",)) is expected


def test_with_a_list_of_allowed_hosts_all_others_are_refused() -> None:
    assert not is_refused("http://m.video.example/", allowed_hosts=("other.example", "video.example"))
    assert is_refused("http://evil.example/", allowed_hosts=("video.example",))
    assert is_refused("http://m.video.example/", allowed_hosts=("video.example",), refused_hosts=("m.video.example",))


def test_without_rules_every_host_will_do() -> None:
    assert not is_refused("http://video.example/")
