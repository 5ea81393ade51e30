"""Is a file what it claims to be: readable media, text, an image or JSON. Says nothing of where it goes."""

import hashlib
import json
import os
import re
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from jobs.engine import ffprobe_stand_in
from jobs.engine.contract import FileRole, ProducedFile, Tools
from jobs.engine.file_types import MIME_TYPES
from jobs.engine.inputs import FILE_INPUT

PROBE_SECONDS = 60
MAX_TEXT_BYTES = 64 << 20
SHORTFALL_SECONDS = 2.0
SHORTFALL_SHARE = 0.05


class VerificationError(Exception):
    """A produced file is not what it should be. The message names the file, not its directory."""


def inspect(path: Path, role: FileRole, tools: Tools, *, expected_duration: float | None) -> ProducedFile:
    """Check one file, and hash it meanwhile. Raises VerificationError, or OSError when it cannot be read.

    Media must have an audio or video stream, and must not be shorter than `expected_duration` (seconds) by more than
    2 s or 5 %, whichever is more: sites round, and streams of one film end apart. Longer is fine: sites understate
    live recordings. A container that states no length passes, with `duration_seconds` None. Frames are not decoded,
    so damage within a file of the right length goes unseen.
    """
    mime_type = _mime_type(path, role)
    with _open_regular(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes == 0:
            raise VerificationError(f"{path.name} is empty")
        if role in (FileRole.MEDIA, FileRole.CHAPTER):
            digest, duration = _inspect_media(path, file, tools, expected_duration)
        else:
            digest, duration = _inspect_small(path, file, role), None
    return ProducedFile(
        path=path,
        role=role,
        size_bytes=size_bytes,
        sha256=digest,
        mime_type=mime_type,
        duration_seconds=duration,
    )


def _mime_type(path: Path, role: FileRole) -> str:
    extension = path.suffix[1:].lower()
    try:
        return MIME_TYPES[role][extension]
    except KeyError:
        raise VerificationError(f"{path.name}: .{extension} is no type of {role.value} file") from None


def _open_regular(path: Path) -> BufferedReader:
    """Neither follows a symlink nor blocks on a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise VerificationError(f"{path.name} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise VerificationError(f"{path.name} is not a regular file")
    return os.fdopen(descriptor, "rb")


def _sha256(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _inspect_media(
    path: Path, file: BufferedReader, tools: Tools, expected_duration: float | None
) -> tuple[str, float | None]:
    """ffmpeg reads the file's head in its own process while this one hashes: the dearer of the two is the cost."""
    probe = _start_probe(path, tools)
    try:
        digest = _sha256(file)
        _, output = probe.communicate(timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        raise VerificationError(f"{path.name} could not be read within {PROBE_SECONDS} s") from None
    finally:
        _end(probe)
    report = ffprobe_stand_in.parse(output.decode("utf-8", "replace"))
    _check_streams(path, report)
    _check_boxes(path, file, report)
    _check_duration(path, report.duration, expected_duration)
    return digest, report.duration


def _start_probe(path: Path, tools: Tools) -> subprocess.Popen[bytes]:
    """`ffmpeg -i` costs one process; ffprobe costs another binary, or three processes as a stand-in."""
    name = f"file:{path.absolute()}"
    return subprocess.Popen(
        [tools.ffmpeg, "-hide_banner", "-nostdin", *FILE_INPUT, "-i", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _end(probe: subprocess.Popen[bytes]) -> None:
    if probe.poll() is None:
        probe.kill()
        probe.wait()
    if probe.stderr is not None:
        probe.stderr.close()


def _check_streams(path: Path, report: ffprobe_stand_in.Report) -> None:
    playable = [s for s in report.streams if s.kind in ("audio", "video") and not s.is_attached_picture]
    if not playable:
        raise VerificationError(f"{path.name} has no audio or video that can be played")


def _check_duration(path: Path, actual: float | None, expected: float | None) -> None:
    if actual is None or not expected:
        return
    tolerance = max(SHORTFALL_SECONDS, expected * SHORTFALL_SHARE)
    if actual < expected - tolerance:
        raise VerificationError(f"{path.name} lasts {actual:.1f} s where {expected:.1f} s were announced")


def _check_boxes(path: Path, file: BufferedReader, report: ffprobe_stand_in.Report) -> None:
    """An mp4 whose index comes first states its full length even when its end is missing; its boxes tell."""
    if "mp4" not in report.format_name.split(","):
        return
    size = os.fstat(file.fileno()).st_size
    offset = 0
    while offset + 8 <= size:
        file.seek(offset)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # up to the end of the file
            return
        if length < 8:
            raise VerificationError(f"{path.name} is damaged")
        offset += length
    if offset > size:
        raise VerificationError(f"{path.name} is cut off: {offset - size} bytes are missing")


def _inspect_small(path: Path, file: BufferedReader, role: FileRole) -> str:
    content = file.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise VerificationError(f"{path.name} is larger than any {role.value} file should be")
    _CHECKS[role](path, content)
    return hashlib.sha256(content).hexdigest()


def _check_image(path: Path, content: bytes) -> None:
    if not any(signature.matches(content) for signature in _SIGNATURES):
        raise VerificationError(f"{path.name} is not an image")


class _Signature(NamedTuple):
    start: bytes
    later: bytes = b""
    later_at: int = 0

    def matches(self, content: bytes) -> bool:
        return content.startswith(self.start) and content.startswith(self.later, self.later_at)


_SIGNATURES: Sequence[_Signature] = (
    _Signature(b"\xff\xd8\xff"),
    _Signature(b"\x89PNG\r\n\x1a\n"),
    _Signature(b"GIF8"),
    _Signature(b"RIFF", b"WEBP", 8),
    _Signature(b"", b"ftypavi", 4),
)


def _check_subtitle(path: Path, content: bytes) -> None:
    text = _decode(path, content)
    if not _SUBTITLE_MARKS[path.suffix[1:].lower()].search(text):
        raise VerificationError(f"{path.name} holds no subtitles")


_SUBTITLE_MARKS = {
    "ass": re.compile(r"^\[Script Info\]|^Dialogue:", re.MULTILINE),
    "lrc": re.compile(r"^\[\d+:\d+", re.MULTILINE),
    "srt": re.compile(r"^\d+:\d\d:\d\d[,.]\d+ *--> *\d+:\d\d:\d\d", re.MULTILINE),
    "ttml": re.compile(r"<(?:\w+:)?tt[\s>]"),
    "vtt": re.compile(r"\A\ufeff?WEBVTT"),
}


def _check_json(path: Path, content: bytes) -> None:
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{path.name} is not JSON") from error


def _decode(path: Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise VerificationError(f"{path.name} is not text") from None
    if "\0" in text:
        raise VerificationError(f"{path.name} is not text")
    return text


_CHECKS: Mapping[FileRole, Callable[[Path, bytes], None]] = {
    FileRole.SUBTITLE: _check_subtitle,
    FileRole.THUMBNAIL: _check_image,
    FileRole.INFO: _check_json,
}
