"""The formats that are read: plain lists, CSV, OPML, yt-dlp's archive, MeTube's files. From text to entries; pure."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from xml.etree import ElementTree  # nosec B405 - what could do harm is refused before it is parsed

from jobs.engine.options import HEIGHTS
from jobs.moving_in import metube
from jobs.moving_in.entries import Entry, FormatRefused, Kind

ARCHIVE_LINE = re.compile(r"[a-z0-9_:+-]+ \S+", re.IGNORECASE)
HAS_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
LINK_COLUMNS = ("url", "link", "webpage_url", "address", "video url")
LIST_COLUMNS = ("channel url",)  # of the subscriptions that YouTube exports
TITLE_COLUMNS = ("title", "name", "channel title")
QUALITY_COLUMN = "quality"
QUALITIES = ("best", *HEIGHTS, "audio")
EXCEL_SEPARATOR = re.compile(r"sep=([,;\t])\r?\n", re.IGNORECASE)  # a first line that only Excel writes and reads
YOUTUBE_FEED = re.compile(
    r"https?://(?:www\.)?youtube\.com/feeds/videos\.xml\?(?:.*&)?(channel_id|playlist_id|user)=([\w-]+)", re.ASCII
)
YOUTUBE_LISTS = {"channel_id": "channel/", "playlist_id": "playlist?list=", "user": "user/"}
XML_DECLARATIONS = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def plain(text: str) -> Iterator[Entry]:
    """One link a line; empty lines and those that begin with # count for nothing."""
    yield from _entries(Kind.LINK, text)


def archive(text: str) -> Iterator[Entry]:
    """yt-dlp's `--download-archive`: a site and an id a line."""
    yield from _entries(Kind.ARCHIVED, text)


def table(text: str) -> Iterator[Entry]:
    """CSV with a header that names a column of links; comma, semicolon or tab. Raises FormatRefused."""
    rows = text.lstrip("\ufeff")
    named = EXCEL_SEPARATOR.match(rows)
    lines_before = 1 if named else 0
    rows = rows[named.end() :] if named else rows
    separator = named[1] if named else max(",;\t", key=rows.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(rows, newline=""), delimiter=separator)
    try:
        yield from _rows(reader, lines_before)
    except csv.Error as error:
        raise FormatRefused(f"after line {reader.line_num + lines_before}: {error}.") from error


def opml(text: str) -> Iterator[Entry]:
    """Feeds as readers and podcast players export them. Raises FormatRefused."""
    if XML_DECLARATIONS.search(text):
        raise FormatRefused("The file declares a document type or entities, which OPML has no use for.")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314  # nosec B314 - nothing to expand: see above
    except ElementTree.ParseError as error:
        raise FormatRefused(f"This is no XML: {error}.") from error
    if root.tag.lower() != "opml":
        raise FormatRefused(f"The file's root is <{root.tag}>, not <opml>.")
    for number, outline in enumerate(root.iter("outline"), 1):
        link = outline.get("xmlUrl") or outline.get("xmlurl") or ""
        if link:
            title = outline.get("title") or outline.get("text") or ""
            yield Entry(kind=Kind.LIST, value=_readable(link.strip()), place=f"outline {number}", title=title)


def metube_file(text: str) -> Iterator[Entry]:
    """MeTube's queue.json, pending.json, completed.json or subscriptions.json. Raises FormatRefused."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise FormatRefused(f"This is no JSON: {error}. Older MeTubes keep their queue in another form.") from error
    return metube.entries(found)


READERS: dict[str, Callable[[str], Iterator[Entry]]] = {
    "archive": archive,
    "csv": table,
    "list": plain,
    "metube": metube_file,
    "opml": opml,
}


def recognised(text: str) -> str:
    """The name of the format that the text most likely is in, by its beginning."""
    start = text.lstrip("\ufeff \r\n\t")
    if start.startswith("{"):
        return "metube"
    if start.startswith("<"):
        return "opml"
    lines = [line for _, line in _lines(text) if not line.startswith("#")]
    if lines and all(ARCHIVE_LINE.fullmatch(line) for line in lines):
        return "archive"
    return "csv" if lines and not HAS_SCHEME.match(lines[0]) and re.search(r"[,;\t]|^\w+$", lines[0]) else "list"


def _rows(reader: "csv.DictReader[str]", lines_before: int) -> Iterator[Entry]:
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    link = next((columns[name] for name in (*LINK_COLUMNS, *LIST_COLUMNS) if name in columns), None)
    if link is None:
        raise FormatRefused(f"The first line names no column of links: call it one of {', '.join(LINK_COLUMNS)}.")
    title = next((columns[name] for name in TITLE_COLUMNS if name in columns), None)
    for row in reader:
        if not (row[link] or "").strip():
            continue
        quality = (row.get(columns.get(QUALITY_COLUMN, "")) or "").strip().lower()
        is_known = quality in ("", *QUALITIES)
        yield Entry(
            kind=Kind.LIST if link.strip().lower() in LIST_COLUMNS else Kind.LINK,
            value=row[link].strip(),
            place=f"line {reader.line_num + lines_before}",
            title=(row[title] or "").strip() if title else "",
            options={"quality": quality} if quality else {},
            problem="" if is_known else f"The quality {quality} is none of {', '.join(QUALITIES)}.",
        )


def _readable(feed: str) -> str:
    """YouTube's feeds are in a form that yt-dlp does not read: the channel or playlist that one tells of."""
    found = YOUTUBE_FEED.match(feed)
    return f"https://www.youtube.com/{YOUTUBE_LISTS[found[1]]}{found[2]}" if found else feed


def _entries(kind: Kind, text: str) -> Iterator[Entry]:
    for number, line in _lines(text):
        yield Entry(kind=Kind.COMMENT if line.startswith("#") else kind, value=line, place=f"line {number}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Those that are not empty."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), 1):
        stripped = line.strip()
        if stripped:
            yield number, stripped
