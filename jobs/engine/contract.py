"""What goes into the engine and what comes out of it: plain dataclasses, JSON between processes. No behaviour."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self


class Phase(StrEnum):
    """What a running job is busy with."""

    EXTRACTING = "extracting"
    DOWNLOADING = "downloading"
    MERGING = "merging"
    CONVERTING = "converting"
    EMBEDDING = "embedding"
    PUBLISHING = "publishing"


class FailureCode(StrEnum):
    """Why a download failed, from the user's point of view."""

    UNSUPPORTED_URL = "unsupported_url"
    NOT_FOUND = "not_found"
    LOGIN_REQUIRED = "login_required"
    GEO_BLOCKED = "geo_blocked"
    RATE_LIMITED = "rate_limited"
    DRM = "drm"
    LIVE_NOT_STARTED = "live_not_started"
    FORMAT_UNAVAILABLE = "format_unavailable"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    NETWORK = "network"
    POST_PROCESSING = "post_processing"
    BLOCKED_ADDRESS = "blocked_address"
    RUNTIME_MISSING = "runtime_missing"
    DISK_FULL = "disk_full"
    INTERNAL = "internal"


class FileRole(StrEnum):
    """What a result file is."""

    MEDIA = "media"
    SUBTITLE = "subtitle"
    THUMBNAIL = "thumbnail"
    INFO = "info"
    CHAPTER = "chapter"  # a part of the media, as a file of its own


class Stop(StrEnum):
    """Why a running child has to end before its work is done."""

    CANCEL = "cancel"  # kill at once; the work directory is thrown away
    PAUSE = "pause"  # stop gently; partial files stay for the resume
    DRAIN = "drain"  # like pause: the worker itself is going away
    NO_ROOM = "no room"  # like pause: the storage cannot take the result now
    LOST = "lost"  # the lease is gone, somebody else may run the job: kill at once, touch nothing


@dataclass(frozen=True, kw_only=True)
class Options:
    """The download options of the wire contract, validated. Field names are the wire's."""

    quality: str = "best"  # best 4k 1440p 1080p 720p 480p 360p audio
    custom_format: str | None = None
    video_format: str = "mp4"
    audio_only: bool = False
    audio_format: str = "mp3"
    audio_quality: str = "192"  # kbit/s, or "best"
    download_subtitles: bool = False
    subtitle_languages: tuple[str, ...] = ("en",)
    subtitle_format: str = "srt"
    embed_subtitles: bool = False
    auto_subtitles: bool = False
    write_thumbnail: bool = False
    embed_thumbnail: bool = False
    embed_metadata: bool = True
    write_info_json: bool = False
    path_template: str = "videos/{safe_title}-{id}.{ext}"
    timeout_sec: int | None = None  # seconds for one attempt; None takes the installation's default
    clip_start: float | None = None  # seconds from the beginning of the media
    clip_end: float | None = None
    sponsorblock_remove: tuple[str, ...] = ()  # categories of `rules`
    sponsorblock_mark: tuple[str, ...] = ()
    split_chapters: bool = False
    live_from_start: bool = False
    max_live_duration_sec: int | None = None  # None takes Limits.live_seconds as it is
    rate_limit_bps: int | None = None  # bytes a second

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """From a stored or received dict. Unknown keys raise TypeError."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON types, the inverse of `from_json`."""
        fields = dataclasses.asdict(self).items()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields}

    @property
    def is_clip(self) -> bool:
        """Is a section asked for, and not the whole?"""
        return bool(self.clip_start or self.clip_end)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one attempt."""

    total_seconds: float
    stall_seconds: float
    max_file_bytes: int
    free_disk_bytes: int  # the attempt ends when the file system has less than this left
    max_memory_bytes: int  # resident memory of the child and everything it started
    grace_seconds: float = 3.0  # between the polite stop and the kill
    live_seconds: float | None = None  # after which the recording of a live stream ends, and is a good result


@dataclass(frozen=True, kw_only=True)
class EgressPolicy:
    """Which addresses the child may connect to. Public ones always."""

    allow_private: bool = False
    allow: tuple[str, ...] = ()  # CIDR blocks, or address:port


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Absolute paths of the programs that the child may execute."""

    ffmpeg: Path
    ffprobe: Path
    ffprobe_is_stand_in: bool = False
    js_runtime: Path | None = None


class Purpose(StrEnum):
    """What a child is started for."""

    DOWNLOAD = "download"
    VIDEO = "video"  # read one page, download nothing
    ENTRIES = "entries"  # read what a playlist, channel or feed lists, download nothing


@dataclass(frozen=True, kw_only=True)
class Request:
    """One attempt at one download, or at reading one page."""

    job_id: str
    url: str
    options: Options
    limits: Limits
    egress: EgressPolicy
    tools: Tools
    work_dir: Path  # exists, belongs to this job alone, may hold partial files of an earlier attempt
    default_format: str  # format selector for quality "best" without custom_format
    sponsorblock_api: str = ""  # address of the service that knows sponsors; empty for the public one
    pinned_format: str | None = None  # format id of an earlier attempt, so that its partial files fit
    # Domains, with all below them, that pages may be on: the link's own, and what it redirects to or embeds. Not media.
    allowed_hosts: tuple[str, ...] = ()  # none: all
    refused_hosts: tuple[str, ...] = ()
    purpose: Purpose = Purpose.DOWNLOAD
    items: str = ""  # for ENTRIES: which of them, as in yt-dlp's playlist_items; empty for all
    page_entry: int | None = None  # which video of a page that has several, from 1; None takes the first
    cookies: str | None = field(default=None, repr=False)  # in Netscape's format
    known_info: dict[str, Any] | None = field(default=None, repr=False)  # what a look at the page found a moment ago


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is. Unknown numbers are None; bytes cover the file being fetched now."""

    phase: Phase
    percent: float | None = None  # 0 to 100
    downloaded_bytes: int | None = None
    total_bytes: int | None = None
    speed_bps: float | None = None  # bytes a second
    eta_seconds: float | None = None
    title: str = ""  # the site's, as soon as the page is read


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line for the job's log. Levels: debug, info, warning, error."""

    level: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ProducedFile:
    """A verified file in the work directory, not yet published."""

    path: Path
    role: FileRole
    size_bytes: int
    sha256: str
    mime_type: str
    duration_seconds: float | None = None  # of media files
    language: str | None = None  # of subtitles
    chapter: str | None = None  # of chapters: number and title, hostile


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a finished attempt produced. Of a download, `files[0]` is the main media file."""

    files: tuple[ProducedFile, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)  # the contract's fields, plus id, ext, formats chosen
    template_values: dict[str, Any] = field(default_factory=dict)  # raw values for the path template, hostile
    extractor: str = ""
    extractor_key: str = ""  # as in yt-dlp's archive, lower case
    versions: dict[str, str] = field(default_factory=dict)  # yt_dlp, ffmpeg, python
    found: dict[str, Any] | None = None  # what a page told, as `reading` describes it: JSON types, bounded, no secrets
    known_info: dict[str, Any] | None = field(default=None, repr=False)  # of VIDEO, for a later Request; has secrets


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt failed. `message` tells the user what to do; `detail` is for logs and holds no secrets."""

    code: FailureCode
    message: str
    detail: str = ""
    is_retryable: bool = False
    retry_after_seconds: float | None = None  # what a site that gets too many requests asks for


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended: exactly one of the three is set."""

    result: Result | None = None
    failure: Failure | None = None
    stopped: Stop | None = None
    format_id: str | None = None  # the formats chosen, to pin on the next attempt
    cookies: str | None = field(default=None, repr=False)  # those of the request as the sites left them; None: as lent
    log: Sequence[LogLine] = field(default_factory=tuple)


class Watcher(Protocol):
    """The caller's side of a running attempt. Called from the supervisor's loop, never concurrently."""

    def tick(self, progress: Progress | None, log: Sequence[LogLine]) -> Stop | None:
        """Called at least every half second with what is new since the last call; an answer ends the attempt."""
        ...
