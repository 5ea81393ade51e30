"""What is refused is not tried again: an attempt at a forbidden address takes no longer than to find out."""

from pathlib import Path

import pytest

from jobs.engine import supervisor
from jobs.engine.contract import FailureCode
from tests.attacks.conftest import Trap
from tests.attacks.test_egress_pages import DASH, HLS, HTML, KEY, SEGMENT, TEMPLATE, m3u8, mpd, page, plant
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin.server import Origin

pytestmark = [pytest.mark.usefixtures("warm_engine"), pytest.mark.slow]

LURES = {
    "a video": ("/a.html", HTML, page('<video src="http://{evil}/a.mp4"></video>')),
    "a segment": ("/a.m3u8", HLS, m3u8(*SEGMENT)),
    "a key": ("/a.m3u8", HLS, m3u8(KEY, "#EXTINF:1.0,", "hls/muxed-0.ts")),
    "a DASH segment": (
        "/a.mpd",
        DASH,
        mpd(TEMPLATE.replace("{init}", "http://{evil}/i.mp4").replace("{media}", "$Number$.m4s")),
    ),
}


@pytest.mark.parametrize("lure", LURES)
def test_once_refused_is_the_end_of(lure: str, site: Origin, trap: Trap, work_dir: Path) -> None:
    url = plant(site, trap, *LURES[lure])

    outcome = supervisor.run(make_request(url, work_dir, allow=[site.host]), Recorder())

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.BLOCKED_ADDRESS
    assert outcome.failure.detail.count(f"port {trap.port}") == 1
