"""RSS feeds of the origin, as podcasts have them. `{host}` becomes its address when a feed is served.

`/feeds/3.xml` names three films; `/feeds/10000.xml` names one film ten thousand times, under links of its own;
`/feeds/channel.xml` has durations and dates to filter by; `/feeds/broken.xml` has a second entry that does not exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

CONTENT_TYPE = "application/rss+xml"
FIRST_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
MANY = 10_000


@dataclass(frozen=True)
class Item:
    """An entry of a feed."""

    title: str
    path: str
    guid: str = ""
    published: datetime | None = None
    duration_seconds: int | None = None

    def xml(self) -> str:
        """As it stands in the feed."""
        link = f"http://{{host}}/{self.path}"
        parts = [f"<title>{self.title}</title><link>{link}</link>"]
        parts += [f"<guid>{self.guid}</guid>"] if self.guid else []
        parts += [f"<pubDate>{format_datetime(self.published)}</pubDate>"] if self.published else []
        parts += [f"<itunes:duration>{self.duration_seconds}</itunes:duration>"] if self.duration_seconds else []
        return f'<item>{"".join(parts)}<enclosure url="{link}" type="video/mp4" length="1"/></item>\n'


def feed(title: str, items: Iterable[Item]) -> str:
    """The feed's text."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>'
        f"<title>{title}</title><link>http://{{host}}/</link><description>About {title}</description>\n"
        f"{''.join(item.xml() for item in items)}</channel></rss>\n"
    )


FILMS = ("video.mp4", "video.webm", "long.mp4")
THREE = [
    Item(title, path, f"film-{number}", FIRST_DAY + timedelta(days=number), 10 * number)
    for number, (title, path) in enumerate(zip(("First", "Second", "Third"), FILMS, strict=True), 1)
]
# The newest first, as feeds have it; the last one tells nothing of itself.
CHANNEL = [
    Item(f"Film {number}", f"video.mp4?film={number}", f"c-{number}", FIRST_DAY + timedelta(days=number), 60 * number)
    for number in range(5, 0, -1)
] + [Item("Film without a day", "video.mp4?film=0", "c-0")]
BROKEN = [THREE[0], Item("Gone", "status/404/gone.mp4", "gone"), THREE[2]]
TEN_THOUSAND = [
    Item(f"Film {number}", f"video.mp4?film={number}", f"many-{number}", FIRST_DAY + timedelta(minutes=number), number)
    for number in range(1, MANY + 1)
]
FEEDS = {
    "/feeds/3.xml": (CONTENT_TYPE, feed("Three films", THREE)),
    "/feeds/channel.xml": (CONTENT_TYPE, feed("A channel", CHANNEL)),
    "/feeds/broken.xml": (CONTENT_TYPE, feed("A broken feed", BROKEN)),
    f"/feeds/{MANY}.xml": (CONTENT_TYPE, feed("Ten thousand films", TEN_THOUSAND)),
}
