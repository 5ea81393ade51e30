"""What yt-dlp's hooks tell, as one progress that never runs backwards. Pure: knows dicts, no yt-dlp."""

from collections.abc import Sequence
from typing import Any

from jobs.engine.contract import Phase, Progress

# By yt-dlp's names of its post-processors, and ours. Those not named here take no time worth showing.
_PHASES = {
    "Merger": Phase.MERGING,
    "Concat": Phase.MERGING,
    "Container": Phase.CONVERTING,
    "ExtractAudio": Phase.CONVERTING,
    "VideoConvertor": Phase.CONVERTING,
    "VideoRemuxer": Phase.CONVERTING,
    "SubtitlesConvertor": Phase.CONVERTING,
    "Cuts": Phase.CONVERTING,
    "ChapterFiles": Phase.CONVERTING,
    "Cover": Phase.EMBEDDING,
    "EmbedThumbnail": Phase.EMBEDDING,
    "EmbedSubtitle": Phase.EMBEDDING,
    "Metadata": Phase.EMBEDDING,
}


def phase_of(post_processor: str) -> Phase | None:
    """The phase that a post-processor's start begins, if any."""
    return Phase.CONVERTING if post_processor.startswith("Fixup") else _PHASES.get(post_processor)


class Meter:
    """Adds up the formats of one download: video, then audio, each of which yt-dlp counts from nothing."""

    def __init__(self) -> None:
        self.phase = Phase.EXTRACTING
        self._shares: dict[str, float] = {}  # of the whole, by format id
        self._done: set[str] = set()
        self._percent: float | None = None
        self._title = ""

    def plan(self, info: dict[str, Any], *, title: str = "") -> Progress:
        """Downloading begins, of the formats that an info dict has chosen."""
        self._title = title
        formats = info.get("requested_formats") or [info]
        weights = _weights(formats)
        self._shares = {
            str(chosen.get("format_id")): weight / sum(weights) for chosen, weight in zip(formats, weights, strict=True)
        }
        if len(formats) > 1:  # ffmpeg fetches all of them at once, under their joint id
            self._shares[str(info.get("format_id"))] = 1.0
        self._done.clear()
        self.phase = Phase.DOWNLOADING
        return Progress(phase=self.phase, percent=self._percent, total_bytes=_integer(_size(info)), title=title)

    def enter(self, phase: Phase) -> Progress:
        """Another phase begins."""
        self.phase = phase
        return Progress(phase=phase, percent=self._percent, title=self._title)

    def update(self, status: dict[str, Any]) -> Progress | None:
        """What a progress hook was told. None for files that are not media: subtitles and thumbnails."""
        format_id = str(status.get("info_dict", {}).get("format_id"))
        share = self._shares.get(format_id)
        if share is None:
            return None
        if status.get("status") == "finished":
            self._done.add(format_id)
            self._raise_to(0.0)
        elif (fraction := _fraction(status)) is not None:
            self._raise_to(share * fraction)
        return Progress(
            phase=self.phase,
            percent=self._percent,
            downloaded_bytes=_integer(status.get("downloaded_bytes")),
            total_bytes=_integer(_total(status)),
            speed_bps=_number(status.get("speed")),
            eta_seconds=_number(status.get("eta")),
            title=self._title,
        )

    def _raise_to(self, share_of_current: float) -> None:
        whole = sum(self._shares[done] for done in self._done) + share_of_current
        self._percent = max(self._percent or 0.0, min(round(100 * whole, 1), 100.0))


def _weights(formats: Sequence[dict[str, Any]]) -> list[float]:
    """Sizes where all are known, else bit rates, else the same for each."""
    for measure in (_size, lambda chosen: _number(chosen.get("tbr"))):
        weights = [measure(chosen) for chosen in formats]
        if all(weights):
            return [float(weight or 0) for weight in weights]
    return [1.0] * len(formats)


def _size(info: dict[str, Any]) -> float | None:
    return _number(info.get("filesize")) or _number(info.get("filesize_approx"))


def _total(status: dict[str, Any]) -> float | None:
    return _number(status.get("total_bytes")) or _number(status.get("total_bytes_estimate"))


def _fraction(status: dict[str, Any]) -> float | None:
    pairs = (
        (status.get("fragment_index"), status.get("fragment_count")),
        (status.get("downloaded_bytes"), _total(status)),
    )
    return next((min(done / whole, 1.0) for done, whole in pairs if done is not None and whole), None)


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: Any) -> float | None:
    """What sites declare may be absurd: infinite, negative, text, or more than a database's integer holds."""
    return value if isinstance(value, int | float) and 0 <= value < 2**63 else None
