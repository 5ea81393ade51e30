"""What an attempt's YoutubeDL does otherwise than yt-dlp's own."""

from pathlib import Path
from typing import Any

import pytest

from jobs.engine.downloader import MAX_FORMAT_ID_BYTES, Downloader, bounded_format_id
from jobs.engine.hosts import HostRefused
from tests.jobs.engine.attempts import make_request


@pytest.mark.parametrize("format_id", ["137", "hls-audio-0-English (original)", "x" * MAX_FORMAT_ID_BYTES])
def test_an_ordinary_format_id_stays_as_it_is(format_id: str) -> None:
    assert bounded_format_id(format_id) == format_id


@pytest.mark.parametrize("format_id", ["x" * 61, "\u00e9" * 300, "a\0b", "\u202e", "\ud800", ""])
def test_any_format_id_becomes_short_printable_and_stays_distinct(format_id: str) -> None:
    bounded = bounded_format_id(format_id)

    assert bounded.isprintable()
    assert len(bounded.encode()) <= MAX_FORMAT_ID_BYTES
    assert bounded == bounded_format_id(format_id)
    assert bounded != bounded_format_id(f"{format_id}\0")


def test_the_page_that_a_bare_id_leads_to_is_judged_too(tmp_path: Path) -> None:
    request = make_request("http://a.example/", tmp_path, refused_hosts=("video.example",))
    info: dict[str, Any] = {
        "id": "1",
        "title": "a",
        "url": "http://media.example/a.mp4",
        "webpage_url": "https://www.video.example/watch/1",
    }

    with Downloader({"quiet": True}, request) as downloader, pytest.raises(HostRefused, match=r"video\.example"):
        downloader.process_video_result(info, download=False)
