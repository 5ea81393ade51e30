"""What a program learns of a page before it downloads it, against the real service."""

from typing import Any

import pytest

from tests.journeys.stack import Stack
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def asked(stack: Stack, path: str, url: str, **query: str) -> dict[str, Any]:
    response = stack.call("GET", path, params={"url": url, **query})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_page_is_asked_for_once_for_formats_metadata_and_download(stack: Stack, origin: Origin) -> None:
    url = origin.url("/page.html")

    formats = asked(stack, "/formats", url)
    metadata = asked(stack, "/metadata", url)
    job = stack.wait(stack.submit(url), "completed", "failed")

    assert job["status"] == "completed", job
    assert formats["title"] == metadata["metadata"]["title"] == job["title"] == "A test film"
    assert formats["recommended_format"] == job["metadata"]["format_id"]
    assert len(origin.received("/page.html")) == 1
    assert len(origin.received("/video.mp4")) == 1


def test_the_recommended_format_is_what_a_download_takes(stack: Stack, origin: Origin) -> None:
    url = origin.url("/hls/master.m3u8")
    formats = asked(stack, "/formats", url)
    best = formats["formats"]["video_only"][-1]

    job = stack.wait(stack.submit(url), "completed", "failed")

    assert (best["format_id"], best["height"]) == (formats["best_video_format"], 720)
    assert job["metadata"]["format_id"] == formats["recommended_format"]
    assert job["metadata"]["height"] == 720


def test_pages_are_answered_while_downloads_take_every_slot(stack: Stack, origin: Origin) -> None:
    jobs = [stack.submit(origin.url(f"/slow/20000/big.mp4?{number}")) for number in range(6)]
    stack.wait_until(lambda: [stack.job(job)["status"] for job in jobs].count("running"), lambda running: running == 4)

    assert asked(stack, "/metadata", origin.url("/video.mp4"))["metadata"]["title"] == "video"

    for job in jobs:
        stack.call("DELETE", f"/download/{job}")


def test_the_metadata_of_many_pages_comes_as_a_batch(stack: Stack, origin: Origin) -> None:
    urls = [origin.url(path) for path in ("/page.html", "/status/404", "/feed.xml", "/dash/manifest.mpd", "/long.mp4")]

    started = stack.call("POST", "/metadata/batch", json={"urls": urls})
    assert started.status_code == 202, started.text
    path = f"/metadata/batch/{started.json()['batch_id']}"
    told = stack.wait_until(lambda: stack.call("GET", path).json(), lambda batch: batch["status"] == "completed")

    assert (told["completed"], told["failed"]) == (4, 1)
    assert [page["url"] for page in told["results"]] == urls
    assert told["results"][1]["error_code"] == "not_found"
    assert told["results"][2]["result"]["playlist_count"] == 3
    lines = stack.call("GET", path, params={"format": "csv"}).text.splitlines()
    assert len(lines) == 1 + len(urls)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/status/404", 502, "METADATA_EXTRACTION_FAILED"),
        ("/echo", 422, "VALIDATION_ERROR"),
    ],
)
def test_a_page_that_tells_nothing_is_an_error(stack: Stack, origin: Origin, path: str, status: int, code: str) -> None:
    response = stack.call("GET", "/formats", params={"url": origin.url(path)})

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
