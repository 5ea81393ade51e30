"""What a program with a key does, against the real service, real yt-dlp, real ffmpeg and a local origin."""

import hashlib
import time
from typing import Any

import pytest

from tests.journeys.stack import Stack
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def fetched(stack: Stack, job: dict[str, Any]) -> bytes:
    """The main result file, through its signed link and without a key."""
    response = stack.session.get(job["file_info"]["file_url"], timeout=30)
    assert response.status_code == 200, response.text
    return response.content


@pytest.mark.parametrize("path", ["/video.mp4", "/hls/master.m3u8", "/dash/manifest.mpd", "/page.html"])
def test_a_link_becomes_a_verified_served_file(stack: Stack, origin: Origin, path: str) -> None:
    job = stack.wait(stack.submit(origin.url(path)), "completed", "failed")

    assert job["status"] == "completed", job
    content = fetched(stack, job)
    assert len(content) == job["file_info"]["size_bytes"]
    assert hashlib.sha256(content).hexdigest() == job["file_info"]["sha256"]
    assert content[4:8] == b"ftyp"
    assert job["progress"]["percent"] == 100


def test_two_ranges_make_the_whole_file(stack: Stack, origin: Origin) -> None:
    job = stack.wait(stack.submit(origin.url("/video.mp4")), "completed")
    url = job["file_info"]["file_url"]

    first = stack.session.get(url, headers={"Range": "bytes=0-999"}, timeout=30)
    second = stack.session.get(url, headers={"Range": "bytes=1000-"}, timeout=30)

    assert (first.status_code, second.status_code) == (206, 206)
    assert first.headers["Content-Range"] == f"bytes 0-999/{job['file_info']['size_bytes']}"
    assert first.content + second.content == fetched(stack, job)


def test_progress_is_seen_while_a_download_runs(stack: Stack, origin: Origin) -> None:
    job_id = stack.submit(origin.url("/slow/1500000/big.mp4"))

    job = stack.wait_until(lambda: stack.job(job_id), lambda job: 0 < (job["progress"]["percent"] or 0) < 100)

    assert job["status"] == "running"
    assert job["progress"]["downloaded_bytes"] > 0
    assert job["progress"]["status"] == "downloading"
    stack.call("DELETE", f"/download/{job_id}")


def test_cancel_ends_the_job_and_its_processes_within_a_second(stack: Stack, origin: Origin) -> None:
    before = set(stack.processes())
    job_id = stack.submit(origin.url("/slow/100000/big.mp4"))
    stack.wait_until(lambda: set(stack.processes()) - before, bool)
    stack.wait_until(lambda: stack.job(job_id)["progress"]["downloaded_bytes"], bool)

    started = time.monotonic()
    response = stack.call("DELETE", f"/download/{job_id}")
    stack.wait_until(lambda: set(stack.processes()) - before, lambda left: not left, seconds=2)

    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    assert time.monotonic() - started < 2
    assert stack.job(job_id)["status"] == "cancelled"
    assert stack.call("DELETE", f"/download/{job_id}").status_code == 409


def test_a_paused_download_resumes_where_it_was(stack: Stack, origin: Origin) -> None:
    job_id = stack.submit(origin.url("/slow/2000000/big.mp4"))
    stack.wait_until(lambda: stack.job(job_id)["progress"]["downloaded_bytes"] or 0, lambda count: count > 200_000)

    assert stack.call("POST", f"/download/{job_id}/pause").json()["status"] == "paused"
    seen = len(origin.requests)
    assert stack.call("POST", f"/download/{job_id}/resume").status_code == 200
    job = stack.wait(job_id, "completed", "failed", seconds=60)

    assert job["status"] == "completed", job
    ranges = [request.range for request in origin.requests[seen:] if request.method == "GET"]
    offsets = [int(value.removeprefix("bytes=").partition("-")[0]) for value in ranges if value]
    assert max(offsets, default=0) > 100_000, ranges


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/status/404", "not_found"),
        ("/status/401", "login_required"),
        ("/echo", "unsupported_url"),
        ("/status/451", "geo_blocked"),
    ],
)
def test_a_hopeless_link_fails_with_its_own_code(stack: Stack, origin: Origin, path: str, code: str) -> None:
    job = stack.wait(stack.submit(origin.url(path)), "failed", "completed")

    assert (job["status"], job["error_code"]) == ("failed", code)
    assert job["error"].endswith(".")
    assert job["file_info"] is None


def test_a_link_that_is_none_is_refused_at_once(stack: Stack) -> None:
    response = stack.call("POST", "/download", json={"url": "not a link"})

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"
    assert response.json()["error"]["details"][0]["field"] == "url"


def test_a_bad_option_is_refused_by_name(stack: Stack, origin: Origin) -> None:
    response = stack.call("POST", "/download", json={"url": origin.url("/video.mp4"), "qualty": "720p"})

    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == "qualty"


def test_a_flaky_origin_is_tried_again(stack: Stack, origin: Origin) -> None:
    job = stack.wait(stack.submit(origin.url("/flaky/2/video.mp4")), "completed", "failed", seconds=60)

    assert job["status"] == "completed", job


def test_the_log_tells_what_happened(stack: Stack, origin: Origin) -> None:
    job = stack.wait(stack.submit(origin.url("/video.mp4")), "completed")

    log = stack.call("GET", f"/download/{job['request_id']}/logs").json()

    assert log["request_id"] == job["request_id"]
    assert log["total_lines"] == len(log["logs"]) > 0


def test_the_request_id_follows_the_job_into_the_worker(stack: Stack, origin: Origin) -> None:
    response = stack.call(
        "POST", "/download", json={"url": origin.url("/video.mp4")}, headers={"X-Request-ID": "trace-me-123"}
    )
    stack.wait(response.json()["request_id"], "completed")

    assert response.headers["X-Request-ID"] == "trace-me-123"
    lines = [line for line in stack.log().splitlines() if "trace-me-123" in line]
    assert any("job moved" in line and "completed" in line for line in lines), lines
