"""What is in a media file, as ffmpeg tells it, and attempts whose results are looked into."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.engine import ffprobe_stand_in, supervisor
from jobs.engine.contract import Failure, FileRole, LogLine, ProducedFile, Result
from tests.jobs.engine.attempts import Recorder, make_request
from tests.origin import media
from tests.origin.server import Origin

_CHAPTER = re.compile(r"Chapter #\d+:\d+: start ([\d.-]+), end ([\d.-]+)\n\s+Metadata:\n\s+title\s+: (.*)")
_TAG = re.compile(r"^    (\w+) *: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Look:
    """A media file. Streams are pairs of kind and codec; a cover's kind is `cover`."""

    container: str
    duration: float
    height: int
    streams: Sequence[tuple[str, str]]
    languages: Sequence[str]  # of its subtitles
    chapters: Sequence[tuple[float, float, str]]
    tags: dict[str, str]


def look_at(path: Path) -> Look:
    """ffprobe would say the same, but its stand-in knows no chapters."""
    command = [media.tools().ffmpeg, "-hide_banner", "-i", path]
    text = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stderr
    report = ffprobe_stand_in.parse(text)
    return Look(
        container=report.format_name,
        duration=report.duration or 0.0,
        height=max((stream.height for stream in report.streams if not stream.is_attached_picture), default=0),
        streams=[("cover" if one.is_attached_picture else one.kind, one.codec) for one in report.streams],
        languages=[one.tags.get("language", "") for one in report.streams if one.kind == "subtitle"],
        chapters=[(float(start), float(end), title) for start, end, title in _CHAPTER.findall(text)],
        tags=dict(_TAG.findall(text.partition("Duration:")[0])),
    )


def sound_ends(path: Path) -> float:
    """When the last sound is heard, in seconds, as its own times say, and not the container's head."""
    command = [media.tools().ffmpeg, "-hide_banner", "-nostdin", "-i", path, "-map", "0:a", "-af", "ashowinfo"]
    text = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, timeout=30, check=True).stderr
    return float(re.findall(r"pts_time:([\d.]+)", text)[-1])


@dataclass(frozen=True)
class Done:
    """An attempt that is over."""

    directory: Path
    result: Result | None
    failure: Failure | None
    log: list[LogLine] = field(default_factory=list)

    @property
    def files(self) -> Sequence[ProducedFile]:
        """The files; the attempt must have succeeded."""
        assert self.result is not None, self.failure
        return self.result.files

    @property
    def media(self) -> Look:
        """The main file."""
        assert self.files[0].role is FileRole.MEDIA
        return look_at(self.files[0].path)

    def of(self, role: FileRole) -> Sequence[ProducedFile]:
        """The files in a role."""
        return [file for file in self.files if file.role is role]

    def warned(self, words: str) -> bool:
        """Whether a warning in the log holds these words."""
        return any(words in line.text for line in self.log if line.level == "warning")


def attempt(origin: Origin, directory: Path, path: str, **changes: Any) -> Done:
    """Download a path of the origin as the service does, in a confined child. `changes` as in `make_request`."""
    recorder = Recorder()
    request = make_request(origin.url(path), directory, **{"allow": [origin.host], **changes})
    outcome = supervisor.run(request, recorder)
    return Done(directory, outcome.result, outcome.failure, [*recorder.log, *outcome.log])


def known(origin: Origin, path: str, **fields: Any) -> dict[str, Any]:
    """What a look at a page of a site that the origin cannot play has found: the media is at the path."""
    return {
        "id": "BaW_jenozKc",
        "title": "A known film",
        "extractor": "youtube",
        "extractor_key": "Youtube",
        "webpage_url": "https://www.youtube.com/watch?v=BaW_jenozKc",
        "formats": [{"format_id": "18", "url": origin.url(path), "ext": "mp4", "vcodec": "avc1", "acodec": "mp4a"}],
        **fields,
    }
