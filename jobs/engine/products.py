"""What a finished download left in its work directory, and what its info dict says about it, made fit for storing."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.engine import verification, workspace
from jobs.engine.contract import FileRole, ProducedFile, Request, Tools
from jobs.engine.file_types import MIME_TYPES
from jobs.engine.verification import VerificationError

METADATA_FIELDS = (
    *("title", "description", "uploader", "uploader_id", "upload_date", "duration", "view_count", "like_count"),
    *("comment_count", "width", "height", "fps", "vcodec", "acodec", "thumbnail", "webpage_url", "extractor"),
    *("playlist", "playlist_index", "categories", "tags", "id", "ext", "format_id", "format"),
)
TEMPLATE_FIELDS = ("id", "title", "ext", "uploader", "upload_date", "playlist", "playlist_index")
MAX_CHARACTERS = 20_000
MAX_ITEMS = 200


def media_paths(info: dict[str, Any]) -> list[Path]:
    """The media files that yt-dlp says it made, and that are there."""
    paths = [Path(made["filepath"]) for made in info.get("requested_downloads") or [] if made.get("filepath")]
    return [path for path in paths if path.is_file()]


def collect(request: Request, info: dict[str, Any], *, on_reject: Callable[[str], None]) -> tuple[ProducedFile, ...]:
    """Verify the media, then what was asked for besides. VerificationError is for media; the rest is left out."""
    media = media_paths(info)
    expected = _expected_duration(info)
    files = [verification.inspect(path, FileRole.MEDIA, request.tools, expected_duration=expected) for path in media]
    candidates = [*_companions(request, media), *_chapters(info)]
    for candidate in candidates:
        try:
            files.append(candidate.inspected(request.tools))
        except VerificationError as error:
            on_reject(f"left out: {error}")
    return tuple(files)


def metadata(info: dict[str, Any]) -> dict[str, Any]:
    """The fields that the service shows, as JSON types, bounded, and free of what databases refuse."""
    return _fields(info, METADATA_FIELDS)


def template_values(info: dict[str, Any]) -> dict[str, Any]:
    """The fields that path templates may use. Hostile as they came, but JSON."""
    return _fields(info, TEMPLATE_FIELDS)


def plain_text(text: str) -> str:
    """Text that PostgreSQL takes: no NUL, no lone surrogates, no endless length."""
    return text[:MAX_CHARACTERS].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """JSON types only, with text as from `plain_text`."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(plain(str(key))): plain(inner) for key, inner in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value[:MAX_ITEMS]]
    return plain(str(value))


def _fields(info: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    made = media_paths(info)  # its `ext` is what was planned, not what post-processing made of it
    actual = {"ext": made[0].suffix[1:]} if made else {}
    return {name: plain((info | actual).get(name)) for name in names}


def _expected_duration(info: dict[str, Any]) -> float | None:
    """Of the media as made: a section or what was left of it may be shorter than what the page tells."""
    made: dict[str, Any] = next(iter(info.get("requested_downloads") or []), {})
    duration = made.get("duration", info.get("duration"))
    return float(duration) if isinstance(duration, int | float) and not info.get("is_live") else None


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A file besides the media, not yet verified."""

    path: Path
    role: FileRole
    expected_duration: float | None = None
    language: str | None = None
    chapter: str | None = None

    def inspected(self, tools: Tools) -> ProducedFile:
        """Raises VerificationError."""
        file = verification.inspect(self.path, self.role, tools, expected_duration=self.expected_duration)
        return dataclasses.replace(file, language=self.language, chapter=self.chapter)


def _companions(request: Request, media: list[Path]) -> list[_Candidate]:
    """The directory is the truth here: yt-dlp's own records of these files go stale when it converts or moves them."""
    wanted = {
        FileRole.SUBTITLE: request.options.download_subtitles,
        FileRole.THUMBNAIL: request.options.write_thumbnail,
        FileRole.INFO: request.options.write_info_json,
    }
    roles = {f".{extension}": role for role, is_wanted in wanted.items() if is_wanted for extension in MIME_TYPES[role]}
    paths = sorted(path for path in request.work_dir.iterdir() if path.name not in workspace.CONTROL_NAMES)
    found = [
        _Candidate(path=path, role=roles[path.suffix], language=_language(path, roles[path.suffix]))
        for path in paths
        if path.suffix in roles and path not in media
    ]
    return sorted(found, key=lambda companion: list(FileRole).index(companion.role))


def _language(path: Path, role: FileRole) -> str | None:
    """`media.f22.zh-Hans.srt` is in zh-Hans."""
    parts = path.name.split(".")
    return parts[-2] if role is FileRole.SUBTITLE and len(parts) > 2 else None


def _chapters(info: dict[str, Any]) -> list[_Candidate]:
    """The files that `cutting` has made of chapters."""
    made = [chapter for one in info.get("requested_downloads") or [] for chapter in one.get("chapter_files") or []]
    width = len(str(len(made)))
    return [
        _Candidate(
            path=Path(chapter["filepath"]),
            role=FileRole.CHAPTER,
            expected_duration=chapter["duration"],
            chapter=plain_text(f"{chapter['number']:0{max(width, 2)}d} {chapter['title']}"),
        )
        for chapter in made
    ]
