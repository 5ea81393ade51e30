"""RSS feeds, entry by entry: yt-dlp reads every one of ten thousand to give the first twenty, which takes 5 s.

Nearly all of that goes into dates, for each of which it tries some fifty forms in turn.
"""

import copy
import email.utils
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from yt_dlp.extractor import generic
from yt_dlp.utils import OnDemandPagedList, unified_timestamp

Read = Callable[[Any, str, str, Any], dict[str, Any]]

_read_whole: Read = generic.GenericIE._extract_rss


def install() -> None:
    """Let this process's yt-dlp read feeds lazily. May be called twice."""
    generic.GenericIE._extract_rss = _read_lazily
    generic.unified_timestamp = timestamp


def timestamp(date: Any, *arguments: Any, **options: Any) -> int | None:
    """yt-dlp's `unified_timestamp`, after a try of the one form that feeds are to use (RFC 2822)."""
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return int(moment.timestamp())
    told: int | None = unified_timestamp(date, *arguments, **options)
    return told


def _read_lazily(extractor: Any, url: str, video_id: str, document: Any) -> dict[str, Any]:
    """yt-dlp's own, on a feed without items, and then on one of a single item whenever an entry is asked for."""
    items = [item for item in document.findall("./channel/item") if _has_link(item)]

    def page(number: int) -> list[Any]:
        alone = [_read_whole(extractor, url, video_id, _feed_of(item))["entries"] for item in items[number:][:1]]
        return [entry for entries in alone for entry in entries]

    feed = _read_whole(extractor, url, video_id, _without_items(document))
    return feed | {"entries": OnDemandPagedList(page, 1), "playlist_count": len(items)}


def _has_link(item: Any) -> bool:
    """Whether yt-dlp makes an entry of the item, so that numbers are those that it gives; without links that hide
    options for yt-dlp, which may make it fail for the whole feed.
    """
    enclosure = item.find("enclosure")  # by its plain name: a path of it takes ten times as long
    link = item.findtext("link") if enclosure is None else enclosure.get("url")
    return bool(link) and "__youtubedl_smuggle" not in link


def _feed_of(item: Any) -> Any:
    feed = ET.Element("rss")
    ET.SubElement(feed, "channel").append(item)
    return feed


def _without_items(document: Any) -> Any:
    channel = document.find("./channel")
    feed = ET.Element("rss")
    if channel is not None:
        bare = ET.SubElement(feed, "channel")
        bare.extend(copy.copy(one) for one in channel if one.tag != "item")
    return feed
