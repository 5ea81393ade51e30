"""What a page tells without a download: one video with all its formats, or what a list holds. Runs inside the child.

Here yt-dlp's info dicts become answers for users: JSON types, bounded, without headers, cookies and the links of media.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from yt_dlp.extractor.generic import GenericIE
from yt_dlp.utils import PlaylistEntries, UnsupportedError, sanitize_url, unsmuggle_url

from jobs.engine import products
from jobs.engine.contract import Purpose, Request
from jobs.engine.downloader import Downloader

LISTS = ("playlist", "multi_video")
MAX_ENTRIES = 10_000
MAX_FORMATS = 500
MAX_LANGUAGES = 500
MAX_CHAPTERS = 200
MAX_THUMBNAILS = 50
MAX_TITLE_CHARACTERS = 500
MAX_URL_CHARACTERS = 4096
MAX_KNOWN_BYTES = 2 * 1024 * 1024
LARGEST_NUMBER = 2**53  # what every reader of JSON understands

_TEXTS = ("format_id", "ext", "resolution", "vcodec", "acodec", "format_note", "language", "protocol", "dynamic_range")
_NUMBERS = ("fps", "filesize", "filesize_approx", "tbr", "vbr", "abr", "width", "height")

_METADATA_TEXTS = (
    *("title", "description", "uploader", "uploader_id", "vcodec", "acodec", "webpage_url", "extractor", "playlist"),
    *("id", "ext"),
)
_METADATA_NUMBERS = (
    "duration",
    "view_count",
    "like_count",
    "comment_count",
    "width",
    "height",
    "fps",
    "playlist_index",
)

Info = dict[str, Any]


def parameters(request: Request) -> dict[str, Any]:
    """What yt-dlp's parameters of a look have besides those of a download."""
    is_list = request.purpose is Purpose.ENTRIES
    return {
        "postprocessors": [],
        "writesubtitles": False,
        "writethumbnail": False,
        "writeinfojson": False,
        "noplaylist": not is_list,
        "socket_timeout": request.limits.total_seconds,  # so that the deadline decides, and says what it was
        "playlist_items": (request.items or None) if is_list else "1",
        # Lists of YouTube's tell "3 weeks ago"; without this they tell no date at all.
        "extractor_args": {"youtubetab": {"approximate_date": [""]}},
    }


class Reader(Downloader):
    """Downloads nothing, follows no entry of a list, and keeps what a later download could go on from."""

    def __init__(self, parameters: dict[str, Any], request: Request) -> None:
        super().__init__(parameters, request)
        self._untouched: Info | None = None

    def look(self) -> tuple[Info, Info | None]:
        """What the page tells, as `video` or `entries` describe it; and what `Request.known_info` takes, if anything.

        Raises what yt-dlp raises.
        """
        info: Info = self.extract_info(self._request.url, download=False)
        is_list = info.get("_type") in LISTS
        if not is_list and _is_guess(info):
            raise UnsupportedError(self._request.url)
        if not is_list:
            info = without_number(info)
        if self._request.purpose is Purpose.ENTRIES:
            return self.entries(info), None
        if is_list:
            return video(info) | self._as_list(info), None
        return video(info, self._get_formats(info)), self._known(info)

    def process_ie_result(self, ie_result: Any, download: bool = True, extra_info: Any = None) -> Any:
        """yt-dlp's own, which would go on with each entry of a list."""
        if ie_result.get("_type") in LISTS:
            return ie_result
        return super().process_ie_result(ie_result, download, extra_info)

    def process_video_result(self, info_dict: Any, download: bool = True) -> Any:
        """yt-dlp's own, which changes the dict: what it got is what it takes again. Lists do not need it."""
        if self._request.purpose is Purpose.ENTRIES:
            return info_dict
        self._untouched = reusable(info_dict)
        return super().process_video_result(info_dict, download)

    def entries(self, page: Info) -> Info:
        """What a list tells of itself, and the entries asked for. A single video is a list of one."""
        listed = page if page.get("_type") in LISTS else page | {"entries": [page], "playlist_count": 1}
        asked = PlaylistEntries(self, listed)
        chosen = [
            self._entry(entry, listed, index)
            for index, entry in islice(asked.get_requested_items(), MAX_ENTRIES)
            if entry
        ]
        total = listed.get("playlist_count") or asked.get_full_count()
        return _list_fields(page) | {"total": number(total), "entries": chosen}

    def _as_list(self, page: Info) -> Info:
        """A list where one video was asked about: how many it has, and the first of them."""
        found = self.entries(page)
        first = found["entries"][0] if found["entries"] else None
        return {"is_playlist": True, "playlist_count": found["total"], "first_entry": first}

    def _entry(self, entry: Info, page: Info, index: int) -> Info:
        """One of a list, flat: the fields of `products`' users, and where to find it again."""
        link, hidden = _parted(str(entry.get("url") or ""))
        own = _own_link(entry, page, link, hidden)
        key = str(entry.get("ie_key") or entry.get("extractor_key") or "") or self._key_of(link, page)
        identity = entry.get("id") or hidden.get("force_videoid") or self._temporary_id(key, link)
        return {
            "id": text(identity, MAX_TITLE_CHARACTERS),
            "title": text(entry.get("title"), MAX_TITLE_CHARACTERS),
            "url": own or _page_url(page) or self._request.url,
            "duration": number(entry.get("duration")),
            "view_count": number(entry.get("view_count")),
            "uploader": text(entry.get("uploader") or entry.get("channel"), MAX_TITLE_CHARACTERS),
            "upload_date": upload_date(entry),
            "thumbnail": thumbnail(entry),
            "playlist_index": index,
            "extractor_key": text(key, MAX_TITLE_CHARACTERS),
            "page_entry": None if own else index,
        }

    def _key_of(self, link: str, page: Info) -> str:
        """Of the extractor that will take the link; of the page's own, if there is none to take."""
        if _is_web(link):
            self._ies.expect(link)
            for key, extractor in self._ies.items():
                if extractor.suitable(link):
                    return str(key)
        return str(page.get("extractor_key") or "")

    def _temporary_id(self, key: str, link: str) -> str | None:
        """What the extractor can tell of the id without asking the site."""
        if not link:
            return None
        extractor = self._ies.get(key)
        known = extractor.get_temp_id(link) if extractor is not None and key != "Generic" else None
        return str(known or GenericIE._generic_id(link))

    def _known(self, info: Info) -> Info | None:
        """The untouched info, with the cookies that the page gave for each of its formats."""
        if self._untouched is None:
            return None
        cookies = {one.get("url"): one["cookies"] for one in self._get_formats(info) if one.get("cookies")}
        for one in self._untouched.get("formats") or [self._untouched]:
            if found := cookies.get(sanitize_url(one.get("url") or "")):
                one["cookies"] = found
        return self._untouched


def reusable(info: Info) -> Info | None:
    """A copy that survives JSON; None for what does not, such as formats that are fetched as they come, or is big."""
    kept = {name: value for name, value in info.items() if not name.startswith("__")}
    try:
        written = json.dumps(kept, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return dict(json.loads(written)) if len(written) <= MAX_KNOWN_BYTES else None


def video(info: Info, formats: list[Info] | None = None) -> Info:
    """What users see of one page.

    `metadata`; `formats[]`, the worst first, each with what `_TEXTS` and `_NUMBERS` name and
    `quality`; `chosen_format`, which the default download would take; `subtitles` and `automatic_captions` as
    extensions by language; `chapters[]` of `title, start_time, end_time`; `thumbnails[]` of `url, width, height`;
    `is_playlist`, `playlist_count`, `first_entry`; `is_live`.
    """
    shown = [_format(one) for one in (formats or ())[-MAX_FORMATS:]]
    return {
        "metadata": metadata(info),
        "formats": shown,
        "chosen_format": text(info.get("format_id"), MAX_TITLE_CHARACTERS) if shown else None,
        "subtitles": _languages(info.get("subtitles")),
        "automatic_captions": _languages(info.get("automatic_captions")),
        "chapters": [_chapter(one) for one in (info.get("chapters") or ())[:MAX_CHAPTERS]],
        "thumbnails": [_thumbnail(one) for one in (info.get("thumbnails") or ())[-MAX_THUMBNAILS:]],
        "is_live": bool(info.get("is_live")),
        "is_playlist": False,
        "playlist_count": None,
        "first_entry": None,
    }


def metadata(info: Info) -> Info:
    """The contract's fields, each of its own type or None, whatever the site put there."""
    texts = {name: text(info.get(name), products.MAX_CHARACTERS) for name in _METADATA_TEXTS}
    numbers = {name: number(info.get(name)) for name in _METADATA_NUMBERS}
    lists = {name: _words(info.get(name)) for name in ("categories", "tags")}
    return texts | numbers | lists | {"upload_date": upload_date(info), "thumbnail": thumbnail(info)}


def without_number(info: Info) -> Info:
    """yt-dlp numbers the videos of a page in their titles, even the only one."""
    is_numbered = info.get("extractor") == "html5" and info.get("title")
    return info | {"title": info["title"].removesuffix(" (1)")} if is_numbered else info


def text(value: Any, longest: int) -> str | None:
    """Text that databases take, shortened; None for nothing."""
    return products.plain_text(str(value)[:longest]) if value not in (None, "") else None


def number(value: Any) -> int | float | None:
    """A number that is one: sites declare infinite, negative and absurd ones."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value < LARGEST_NUMBER else None


def upload_date(entry: Mapping[str, Any]) -> str | None:
    """YYYYMMDD, from whichever field tells it."""
    told = str(entry.get("upload_date") or "")
    if len(told) == 8 and told.isascii() and told.isdigit():
        return told
    moment = number(entry.get("timestamp"))
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d") if moment is not None else None
    except (OverflowError, ValueError, OSError):
        return None


def thumbnail(entry: Mapping[str, Any]) -> str | None:
    """The address of the best picture."""
    listed = [one.get("url") for one in entry.get("thumbnails") or () if isinstance(one, dict)]
    return _web_address(entry.get("thumbnail") or next(reversed(listed), None))


def _parted(url: str) -> tuple[str, dict[str, Any]]:
    """A link, and what yt-dlp's extractors hide in it for one another."""
    try:
        link, hidden = unsmuggle_url(url, {})
    except (KeyError, ValueError):
        return url, {"unreadable": True}
    return link, hidden if isinstance(hidden, dict) else {"unreadable": True}


def _list_fields(page: Info) -> Info:
    texts = ("title", "uploader", "uploader_id", "description", "extractor", "extractor_key", "channel_id")
    told = {name: products.plain(page.get(name)) for name in texts}
    return told | {
        "uploader": told["uploader"] or products.plain(page.get("channel")),
        "webpage_url": _page_url(page),
        "channel_follower_count": number(page.get("channel_follower_count")),
        "thumbnail": thumbnail(page),
    }


def _own_link(entry: Info, page: Info, link: str, hidden: Mapping[str, Any]) -> str | None:
    """Where the entry, and nothing else, is found. None when only the page leads to it: in full, or by hidden hints."""
    if entry.get("_type") in ("url", "url_transparent"):
        return _web_address(link) if set(hidden) <= {"force_videoid"} else None
    address = _web_address(entry.get("webpage_url"))
    return address if address != _page_url(page) or page.get("_type") not in LISTS else None


def _page_url(page: Info) -> str | None:
    return _web_address(page.get("webpage_url"))


def _web_address(value: Any) -> str | None:
    """The address as it is, if a browser could open it. A shortened one would lead elsewhere."""
    address = products.plain_text(str(value or ""))
    return address if _is_web(address) and len(address) <= MAX_URL_CHARACTERS else None


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _is_guess(info: Info) -> bool:
    """What is neither a page nor known media, yt-dlp takes for a video in hope."""
    return info.get("extractor") == "generic" and info.get("ext") == "unknown_video"


def _format(one: Info) -> Info:
    texts = {name: text(one.get(name), MAX_TITLE_CHARACTERS) for name in _TEXTS}
    numbers = {name: number(one.get(name)) for name in _NUMBERS}
    quality = one.get("quality")  # may be negative
    is_number = isinstance(quality, int | float) and abs(quality) < LARGEST_NUMBER
    return texts | numbers | {"quality": quality if is_number else None}


def _words(value: Any) -> list[str] | None:
    if not isinstance(value, list | tuple):
        return None
    return [word for one in value[: products.MAX_ITEMS] if (word := text(one, MAX_TITLE_CHARACTERS)) is not None]


def _languages(tracks: Any) -> dict[str, list[str]]:
    return dict(islice(_tracks(tracks), MAX_LANGUAGES))


def _tracks(tracks: Any) -> Iterator[tuple[str, list[str]]]:
    for language, kinds in (tracks or {}).items():
        extensions = [text(one.get("ext"), 20) or "unknown" for one in kinds or () if isinstance(one, dict)]
        yield text(language, 100) or "und", sorted(set(extensions))


def _chapter(one: Info) -> Info:
    return {
        "title": text(one.get("title"), MAX_TITLE_CHARACTERS),
        "start_time": number(one.get("start_time")),
        "end_time": number(one.get("end_time")),
    }


def _thumbnail(one: Info) -> Info:
    return {"url": _web_address(one.get("url")), "width": number(one.get("width")), "height": number(one.get("height"))}
