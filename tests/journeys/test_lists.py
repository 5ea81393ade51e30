"""Batches, playlists and channels against the real service, real yt-dlp and a local origin."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
import yt_dlp

from tests.journeys.stack import Stack
from tests.origin import feeds
from tests.origin.server import Origin

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def started(stack: Stack, path: str, **body: Any) -> dict[str, Any]:
    """The batch that a POST answers with."""
    response = stack.call("POST", path, json=body)
    assert response.status_code in (201, 202), response.text
    return dict(response.json())


def batch(stack: Stack, batch_id: str) -> dict[str, Any]:
    response = stack.call("GET", f"/batch/{batch_id}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def ended(stack: Stack, batch_id: str) -> dict[str, Any]:
    """The batch when it is over."""
    states = ("completed", "failed", "cancelled")
    return stack.wait_until(lambda: batch(stack, batch_id), lambda one: one["status"] in states, seconds=60)


def paths(shown: dict[str, Any]) -> list[str]:
    return [job["file_info"]["file_path"] for job in shown["jobs"]]


def test_a_feed_becomes_verified_files_with_the_names_of_the_list(stack: Stack, origin: Origin) -> None:
    answer = started(stack, "/playlist/download", url=origin.url("/feeds/3.xml"), skip_downloaded=False)
    assert (answer["total_jobs"], answer["title"]) == (3, "Three films")

    shown = ended(stack, answer["batch_id"])

    assert (shown["status"], shown["progress"]) == ("completed", {"percent": 100.0, "text": "3/3"}), shown
    assert paths(shown) == [
        "playlists/Three films/001-First.mp4",
        "playlists/Three films/002-Second.mp4",
        "playlists/Three films/003-Third.mp4",
    ]
    assert [job["title"] for job in shown["jobs"]] == ["First", "Second", "Third"]
    for job in shown["jobs"]:
        content = stack.session.get(job["file_info"]["file_url"], timeout=30).content
        assert hashlib.sha256(content).hexdigest() == job["file_info"]["sha256"]


def test_the_videos_of_one_page_become_a_file_each(stack: Stack, origin: Origin) -> None:
    body = {"url": origin.url("/playlist.html"), "items": "1,3", "reverse_playlist": True, "skip_downloaded": False}

    shown = ended(stack, started(stack, "/playlist/download", **body)["batch_id"])

    assert [path.rpartition("/")[2][:4] for path in paths(shown)] == ["003-", "001-"], shown
    durations = [round(job["file_info"]["duration_sec"]) for job in shown["jobs"]]
    assert durations[0] > durations[1]


def test_one_failed_entry_does_not_stop_the_rest(stack: Stack, origin: Origin) -> None:
    body = {"url": origin.url("/feeds/broken.xml"), "skip_downloaded": False}

    shown = ended(stack, started(stack, "/playlist/download", **body)["batch_id"])

    assert [job["status"] for job in shown["jobs"]] == ["completed", "failed", "completed"]
    assert (shown["status"], shown["completed_jobs"], shown["failed_jobs"]) == ("completed", 2, 1)
    assert shown["jobs"][1]["error"]


def test_an_error_stops_a_batch_if_asked(stack: Stack, origin: Origin) -> None:
    urls = [origin.url("/status/404/gone.mp4"), *[origin.url(f"/video.mp4?stop={n}") for n in range(5)]]

    answer = started(stack, "/batch/download", urls=urls, concurrent_limit=1, stop_on_error=True)
    shown = ended(stack, answer["batch_id"])

    assert [job["status"] for job in shown["jobs"]] == ["failed"] + ["cancelled"] * 5
    assert shown["status"] == "failed"
    assert shown["jobs"][0]["job_id"] in shown["error"]


def test_a_batch_runs_no_more_than_its_limit_at_once(stack: Stack, origin: Origin) -> None:
    urls = [origin.url(f"/slow/1500000/video.mp4?limit={n}") for n in range(5)]
    batch_id = started(stack, "/batch/download", urls=urls, concurrent_limit=2)["batch_id"]
    seen: list[int] = []

    def look() -> dict[str, Any]:
        shown = batch(stack, batch_id)
        seen.append(shown["running_jobs"])
        return shown

    shown = stack.wait_until(look, lambda one: one["status"] == "completed", seconds=60)

    assert shown["completed_jobs"] == 5
    assert max(seen) == 2


def test_cancelling_a_batch_ends_its_downloads(stack: Stack, origin: Origin) -> None:
    urls = [origin.url(f"/slow/50000/big.mp4?cancel={n}") for n in range(6)]
    batch_id = started(stack, "/batch/download", urls=urls, concurrent_limit=2)["batch_id"]
    stack.wait_until(lambda: batch(stack, batch_id), lambda one: one["running_jobs"] == 2)

    answer = stack.call("DELETE", f"/batch/{batch_id}").json()

    assert (answer["status"], answer["cancelled_jobs"]) == ("cancelled", 6)
    assert {job["status"] for job in batch(stack, batch_id)["jobs"]} == {"cancelled"}


def test_a_channel_is_filtered_and_what_was_downloaded_is_left_out(stack: Stack, origin: Origin) -> None:
    body = {
        "url": origin.url("/feeds/channel.xml"),
        "date_after": "20260103",
        "max_duration": 240,
        "sort_by": "duration",
        "quality": "360p",
    }

    first = ended(stack, started(stack, "/channel/download", **body, max_downloads=1)["batch_id"])
    second = ended(stack, started(stack, "/channel/download", **body)["batch_id"])

    assert paths(first) == ["channels/A channel/20260105-Film 4.mp4"], first
    assert (first["skipped_jobs"], second["skipped_jobs"]) == (0, 1)
    assert paths(second) == ["channels/A channel/20260104-Film 3.mp4", "channels/A channel/20260103-Film 2.mp4"]


def test_the_first_page_of_a_long_feed_comes_about_as_fast_as_that_of_a_short_one(stack: Stack, origin: Origin) -> None:
    def seconds(path: str) -> tuple[float, dict[str, Any]]:
        began = time.monotonic()
        response = stack.call("GET", "/playlist/preview", params={"url": origin.url(path)})
        assert response.status_code == 200, response.text
        return time.monotonic() - began, response.json()

    short, _ = seconds("/feeds/channel.xml")
    long, page = seconds(f"/feeds/{feeds.MANY}.xml")

    assert (page["total_items"], page["total_pages"], len(page["items"])) == (feeds.MANY, feeds.MANY // 20, 20)
    assert long < short + 2


def test_a_list_that_cannot_be_read_is_a_failed_batch(stack: Stack, origin: Origin) -> None:
    answer = started(stack, "/playlist/download", url=origin.url("/feeds/missing.xml"))

    shown = ended(stack, answer["batch_id"])

    assert (shown["status"], shown["jobs"]) == ("failed", [])
    assert shown["error"]


def test_an_archive_moves_between_this_service_and_ytdlp(stack: Stack, origin: Origin, tmp_path: Path) -> None:
    films = [feeds.Item(f"Film {name}", "video.mp4", f"archived-{name}") for name in "abc"]
    text = feeds.feed("Archived", films).replace("{host}", origin.host)
    origin.pages["/archived.xml"] = (feeds.CONTENT_TYPE, text.encode())
    feed = origin.url("/archived.xml")
    ended(stack, started(stack, "/playlist/download", url=feed, items="1-2", skip_downloaded=False)["batch_id"])
    exported = tmp_path / "archive.txt"
    exported.write_text(stack.call("GET", "/archive", params={"format": "txt"}).text)

    options: dict[str, Any] = {
        "quiet": True, "download_archive": str(exported), "outtmpl": str(tmp_path / "%(id)s.%(ext)s"),
    }  # fmt: skip
    with yt_dlp.YoutubeDL(options) as ytdlp:
        ytdlp.download([feed])
    assert [path.name for path in tmp_path.glob("*.mp4")] == ["archived-c.mp4"]

    imported = stack.call("POST", "/archive", data=exported.read_bytes(), headers={"Content-Type": "text/plain"}).json()
    assert imported["added"] == 1
    again = ended(stack, started(stack, "/playlist/download", url=feed)["batch_id"])
    assert (again["total_jobs"], again["skipped_jobs"]) == (0, 3)
