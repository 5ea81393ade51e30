"""Feeds read entry by entry, against yt-dlp's own way of reading them whole."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.utils import unified_timestamp

from jobs.engine import feeds

FEED = """<rss><channel><title>Films</title><description>All of them</description>
<item><title>First</title><enclosure url="http://a/1.mp4"/><guid>one</guid>
<pubDate>Mon, 02 Jan 2023 10:00:00 +0200</pubDate></item>
<item><title>No link at all</title></item>
<item><title>Second</title><link>http://a/2</link></item>
</channel></rss>"""


@pytest.fixture
def extractor() -> Any:
    with YoutubeDL({"quiet": True}, auto_init=False) as downloader:
        yield feeds.generic.GenericIE(downloader)


def test_a_feed_is_what_it_is_when_it_is_read_whole(extractor: Any) -> None:
    whole = feeds._read_whole(extractor, "http://a/feed", "id", ET.fromstring(FEED))
    lazy = feeds._read_lazily(extractor, "http://a/feed", "id", ET.fromstring(FEED))

    assert lazy["playlist_count"] == len(whole["entries"]) == 2
    assert lazy["entries"].getslice(0, 10) == whole["entries"]
    assert {name: lazy[name] for name in ("id", "title", "description")} == {
        "id": "http://a/feed",
        "title": "Films",
        "description": "All of them",
    }


def test_an_entry_that_nobody_asks_for_is_not_read(extractor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    read = feeds._read_whole

    def spy(extractor: Any, url: str, video_id: str, document: Any) -> dict[str, Any]:
        seen.append(len(document.findall("./channel/item")))
        return read(extractor, url, video_id, document)

    monkeypatch.setattr(feeds, "_read_whole", spy)

    lazy = feeds._read_lazily(extractor, "http://a/feed", "id", ET.fromstring(FEED))
    second = lazy["entries"][1]

    assert second["title"] == "Second"
    assert seen == [0, 1]


def test_an_item_that_would_break_the_feed_is_left_out(extractor: Any) -> None:
    broken = FEED.replace("http://a/2", "http://a/2#__youtubedl_smuggle=broken")

    lazy = feeds._read_lazily(extractor, "http://a/feed", "id", ET.fromstring(broken))

    assert [entry["title"] for entry in lazy["entries"].getslice(0, 10)] == ["First"]


def test_a_feed_without_a_channel_is_empty(extractor: Any) -> None:
    lazy = feeds._read_lazily(extractor, "http://a/feed", "id", ET.fromstring("<rss/>"))

    assert (lazy["playlist_count"], lazy["entries"].getslice(0, 5), lazy["title"]) == (0, [], None)


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 02 Jan 2023 10:00:00 GMT",
        "Mon, 02 Jan 2023 10:00:00 +0200",
        "02 Jan 2023 10:00:00 -0500",
        "2023-01-02T10:00:00Z",
        "2023-01-02",
        "nonsense",
        "",
        None,
    ],
)
def test_dates_mean_what_they_mean_to_yt_dlp(date: str | None) -> None:
    assert feeds.timestamp(date) == unified_timestamp(date)
