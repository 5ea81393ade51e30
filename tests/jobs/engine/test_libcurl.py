"""Links to addresses of IPv6, fetched as a browser would. Other links and cookies: see test_cookies."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from yt_dlp.networking.impersonate import ImpersonateTarget

from jobs.engine import options, supervisor
from jobs.engine.contract import FailureCode
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _impersonates(monkeypatch: pytest.MonkeyPatch) -> None:
    build = options.build
    target = {"impersonate": ImpersonateTarget()}
    monkeypatch.setattr(options, "build", lambda *given, **named: build(*given, **named) | target)


@pytest.fixture
def site() -> Iterator[Origin]:
    try:
        running = Origin(host="::1")
    except OSError as error:
        if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise
        pytest.skip("this machine has no IPv6")
    with running:
        yield running


def test_an_address_of_ipv6_works_where_it_is_allowed(site: Origin, tmp_path: Path) -> None:
    link = site.url(f"redirect?to={site.url('video.mp4')}")

    outcome = supervisor.run(make_request(link, tmp_path, allow=[site.host]), Recorder())

    assert outcome.result, outcome.failure
    assert all("sec-ch-ua" in request.headers for request in site.requests)


def test_a_redirect_to_another_one_is_refused(site: Origin, tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as trap:
        link = site.url(f"redirect?to=http://[::1]:{trap.getsockname()[1]}/video.mp4")

        outcome = supervisor.run(make_request(link, tmp_path, allow=[site.host]), Recorder())

        assert outcome.failure is not None
        assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()
