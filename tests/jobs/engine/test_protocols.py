"""Pages whose media comes by other ways than the web's."""

import pytest

from jobs.engine.contract import FailureCode
from tests.jobs.engine.conftest import Download
from tests.origin.server import Origin

pytestmark = pytest.mark.slow


WHOLE: dict[str, float] = {}
SECTION = {"clip_end": 1.0}


@pytest.mark.parametrize(
    ("scheme", "options"),
    [("rtmp", WHOLE), ("rtmpe", WHOLE), ("rtmp", SECTION), ("rtsp", SECTION), ("mms", WHOLE), ("ftp", SECTION)],
)
def test_a_stream_of_another_protocol_is_a_failure_that_says_what_to_do(
    scheme: str, options: dict[str, float], origin: Origin, download: Download
) -> None:
    page = f'<html><title>x</title><video src="{scheme}://{origin.host}/live/a.flv"></video></html>'
    origin.pages["/stream.html"] = ("text/html", page.encode())

    done = download("stream.html", **options)

    assert done.failure is not None, done.result
    assert (done.failure.code, done.failure.is_retryable) == (FailureCode.UNSUPPORTED_URL, False)
    assert f"comes over {scheme}" in done.failure.message
    assert "look for a page that offers the same" in done.failure.message
