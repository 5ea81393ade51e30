"""How fast a download may be, whoever fetches it."""

import threading
import time
from typing import Any

import pytest

from jobs.engine.options import block_bytes
from jobs.engine.proxy import Throttle
from tests.jobs.engine.conftest import Download

SHARE = 0.7  # of the time that the rate implies; the start and the end of a transfer are rounded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "options"),
    [("video.mp4", {}), ("hls/muxed.m3u8", {}), ("long.mp4", {"clip_end": 2.0})],
    ids=["file", "fragments", "ffmpeg"],
)
def test_a_transfer_keeps_to_its_rate(path: str, options: dict[str, Any], download: Download) -> None:
    rate = 50_000
    began = time.monotonic()

    done = download(path, rate_limit_bps=rate, embed_metadata=False, **options)

    assert time.monotonic() - began > done.files[0].size_bytes / rate * SHARE


def test_without_a_rate_there_is_no_wait(download: Download) -> None:
    began = time.monotonic()

    done = download("big.mp4", embed_metadata=False)

    assert done.files[0].size_bytes / (time.monotonic() - began) > 100_000


def test_connections_share_one_rate() -> None:
    throttle = Throttle(10_000, block_bytes=1000)
    began = time.monotonic()
    threads = [threading.Thread(target=throttle.wait, args=(1000,)) for _ in range(5)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - began >= 0.49


@pytest.mark.parametrize(("rate", "expected"), [(1024, 256), (100_000, 25_000), (10**9, 64 * 1024)])
def test_what_is_read_at_once_is_a_short_wait(rate: int, expected: int) -> None:
    assert block_bytes(rate) == expected
