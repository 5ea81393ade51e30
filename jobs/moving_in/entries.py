"""What a file to bring in holds, whatever its format. Plain values; nothing here knows where they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an entry is about."""

    LINK = "link"
    LIST = "list"  # a channel, a playlist or a feed: something that keeps growing
    ARCHIVED = "archived"  # a line of yt-dlp's archive: downloaded elsewhere already
    COMMENT = "comment"  # a line that begins with #, and counts for nothing


class FormatRefused(Exception):
    """The file is not what it is said to be. The message is for the operator."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing to bring in. `place` says where the file has it, such as `line 3`."""

    kind: Kind
    value: str  # a link, or a line of an archive
    place: str
    title: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)  # of Options, where the file tells any
    notes: tuple[str, ...] = ()  # what the file asks for and this service does otherwise
    problem: str = ""  # why it cannot come in, where the file alone tells
