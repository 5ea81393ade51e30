"""MeTube's state, as its versions of 2026 write it: `queue.json` and its siblings, `subscriptions.json`. Pure.

Both are objects with `kind` and `items`. Finished downloads become lines of the archive where their site is known by
name; what was to be downloaded becomes links, channels and playlists become lists.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jobs.moving_in.entries import Entry, FormatRefused, Kind

QUEUES = ("persistent_queue:queue", "persistent_queue:pending")
COMPLETED = "persistent_queue:completed"
SUBSCRIPTIONS = "subscriptions"
QUALITIES = {"best": "best", "worst": "360p", "2160": "4k", "1440": "1440p", "1080": "1080p", "720": "720p"} | {
    "480": "480p", "360": "360p", "240": "360p",
}  # fmt: skip
VIDEO_FORMATS = ("mp4",)
AUDIO_FORMATS = ("mp3", "m4a", "opus", "wav", "flac")
NOT_BROUGHT = {
    "folder": "the folder",
    "custom_name_prefix": "the prefix of the name",
    "chapter_template": "the template of chapters",
    "ytdl_options_overrides": "options of yt-dlp",
    "ytdl_options_presets": "presets of yt-dlp's options",
    "title_regex": "the pattern for titles",
}
USUAL = {"chapter_template": "%(title)s - %(section_number)02d - %(section_title)s.%(ext)s"}


def entries(found: Any) -> Iterator[Entry]:
    """The entries of one file. Raises FormatRefused."""
    kind = found.get("kind") if isinstance(found, dict) else None
    if kind not in (*QUEUES, COMPLETED, SUBSCRIPTIONS) or not isinstance(found.get("items"), list):
        raise FormatRefused("This is none of MeTube's queue.json, pending.json, completed.json and subscriptions.json.")
    for number, item in enumerate(found["items"], 1):
        record = item if kind == SUBSCRIPTIONS else item.get("info") if isinstance(item, dict) else None
        place = f"item {number}"
        if isinstance(record, dict) and _is_url(record.get("url")):
            yield from _of(kind, record, place)
        else:
            yield Entry(kind=Kind.LINK, value="", place=place, problem="This has no url.")


def _is_url(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(urlsplit(value).scheme)
    except ValueError:  # such as http://[
        return False


def _of(kind: str, record: Mapping[str, Any], place: str) -> Iterator[Entry]:
    if kind == COMPLETED:
        line = _archive_line(record["url"]) if record.get("status") == "finished" else ""
        if line:
            yield Entry(kind=Kind.ARCHIVED, value=line, place=place, title=_title(record))
        return
    yield Entry(
        kind=Kind.LIST if kind == SUBSCRIPTIONS else Kind.LINK,
        value=record["url"].strip(),
        place=place,
        title=_title(record),
        options=options(record),
        notes=tuple(_notes(record)),
    )
    if kind == SUBSCRIPTIONS and "youtube.com" in (urlsplit(record["url"]).hostname or ""):
        for video_id in record.get("seen_ids") or ():
            yield Entry(kind=Kind.ARCHIVED, value=f"youtube {video_id}", place=place)


def options(record: Mapping[str, Any]) -> dict[str, Any]:
    """Of this service, those that say what MeTube's say."""
    chosen: dict[str, Any] = {}
    quality, form = str(record.get("quality") or "best"), str(record.get("format") or "any")
    if record.get("download_type") == "audio" or form in AUDIO_FORMATS:
        chosen["audio_only"] = True
        chosen |= {"audio_format": form} if form in AUDIO_FORMATS else {}
        chosen |= {"audio_quality": quality} if quality in ("320", "192", "128") else {}
    else:
        chosen |= {"quality": QUALITIES[quality]} if quality in QUALITIES and quality != "best" else {}
        chosen |= {"video_format": form} if form in VIDEO_FORMATS else {}
    if record.get("split_by_chapters"):
        chosen["split_chapters"] = True
    if record.get("download_type") == "captions":
        chosen |= {"download_subtitles": True, "subtitle_languages": (str(record.get("subtitle_language") or "en"),)}
    return chosen


def _notes(record: Mapping[str, Any]) -> Iterator[str]:
    for name, words in NOT_BROUGHT.items():
        if record.get(name) and record[name] != USUAL.get(name):
            yield f"{words} is not brought in"
    if record.get("download_type") in ("captions", "thumbnail"):
        yield "the media is downloaded as well"


def _title(record: Mapping[str, Any]) -> str:
    return str(record.get("title") or record.get("name") or "")


def _archive_line(url: str) -> str:
    """yt-dlp's line for a video of YouTube; other sites' ids cannot be told from the link alone."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    if host == "youtu.be":
        video_id = parts.path.strip("/")
    elif host in ("youtube.com", "music.youtube.com"):
        named = re.fullmatch("/(?:live|shorts)/([^/]+)/?", parts.path)
        video_id = parse_qs(parts.query).get("v", [""])[0] or (named[1] if named else "")
    else:
        return ""
    return f"youtube {video_id}" if video_id else ""
