"""Post-processors that cut: a section of the media, sponsors out of it, chapters apart.

Only imported where yt-dlp is at work, by its rules: `run` takes and gives its info dict. Where a cut falls is yt-dlp's
and ffmpeg's business: streams are copied, so that each cut falls on the key frame before it.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yt_dlp.postprocessor import FFmpegPostProcessor, ModifyChaptersPP, SponsorBlockPP
from yt_dlp.postprocessor.ffmpeg import FFmpegSplitChaptersPP
from yt_dlp.utils import Popen, PostProcessingError, YoutubeDLError, prepend_extension

from jobs.engine import ffprobe_stand_in
from jobs.engine.inputs import network_input

Info = dict[str, Any]
Outcome = tuple[list[str], Info]

MAX_CHAPTERS = 200
FLAC_ANEW = ("-c:a", "flac")
# Sound that a part cannot have as a copy: FLAC states the length of the whole, AAC in avi is read with wrong times.
SOUND_ANEW: Mapping[str, Sequence[str]] = {".flac": FLAC_ANEW, ".avi": ("-c:a", "libmp3lame", "-q:a", "2")}
MAX_TITLE_CHARACTERS = 200
_CUE = re.compile(r"-->|^Dialogue:|^\[\d+:\d", re.MULTILINE)


class ClipImpossible(YoutubeDLError):  # type: ignore[misc]
    """The media has no such section. The message is for the user."""


class ClipPP(FFmpegPostProcessor):  # type: ignore[misc]
    """Makes what is known of the whole fit the section that is about to be fetched: chapters, subtitles, duration.

    yt-dlp leaves them as they are. Runs before the download.
    """

    def run(self, info: Info) -> Outcome:
        """See the class. Raises ClipImpossible."""
        if info.get("is_live"):
            raise ClipImpossible("This is a live stream: limit it by max_live_duration_sec instead of clip_end.")
        start, end = float(info.get("section_start") or 0), info.get("section_end")
        duration = info.get("duration") or self._measured(info)
        if duration and start >= duration:
            raise ClipImpossible(f"The media lasts {duration:g} s, and clip_start lies behind its end.")
        end = min((time for time in (end, duration) if time), default=None)
        for key in ("chapters", "sponsorblock_chapters"):
            if info.get(key):
                info[key] = [shifted for part in info[key] if (shifted := _shifted(part, start, end)) is not None]
        for language in list(info.get("requested_subtitles") or {}):
            self._cut_subtitles(info, language, start, end)
        info["duration"] = end - start if duration and end else None
        return [], info

    def _measured(self, info: Info) -> float | None:
        """What the media itself tells of its length, where the page tells nothing. None when it does not, either."""
        source = self._downloader.cookiejar.at_proxy((info.get("requested_formats") or [info])[0])
        headers = {**(source.get("http_headers") or {}), "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() != "cookie")
        command = [self.executable, "-hide_banner", "-headers", lines, *network_input(), "-i", source["url"]]
        _, report, _ = Popen.run(command, text=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return ffprobe_stand_in.parse(report).duration

    def _cut_subtitles(self, info: Info, language: str, start: float, end: float | None) -> None:
        """Those without a word in the section are dropped: ffmpeg takes an empty file for a broken one."""
        path = info["requested_subtitles"][language].get("filepath")
        if not path:
            return
        cut = prepend_extension(path, "clip")
        length = ["-t", str(end - start)] if end else []
        # Copied, not encoded: encoded, they keep their times with some versions of ffmpeg.
        self.real_run_ffmpeg([(path, [])], [(cut, ["-ss", str(start), *length, "-c", "copy"])])
        Path(cut).replace(path)
        if not _CUE.search(Path(path).read_text(encoding="utf-8", errors="replace")):
            self.to_screen(f"There are no subtitles in {language} within the section")
            info["requested_subtitles"].pop(language)
            info["__files_to_move"].pop(path, None)
            Path(path).unlink()


class SponsorsPP(SponsorBlockPP):  # type: ignore[misc]
    """Asks SponsorBlock; a service that does not answer well costs the sponsors' marks, not the film."""

    def run(self, info: Info) -> Outcome:
        """See the class."""
        try:
            return tuple(super().run(info))
        except (PostProcessingError, LookupError, TypeError, ValueError) as error:
            self.report_warning(f"SponsorBlock gave no answer, so nothing is removed or marked: {error}")
            return [], info


class CutsPP(ModifyChaptersPP):  # type: ignore[misc]
    """Cuts sponsors out, or marks them as chapters."""

    def remove_chapters(self, filename: str, *arguments: Any, **more: Any) -> Any:
        """yt-dlp's own, for which ffmpeg must take a list of files; what is cut must be none itself."""
        if not self.get_metadata_object(filename).get("streams"):
            raise PostProcessingError(f"{Path(filename).name} cannot be read, so nothing can be cut out of it")
        return super().remove_chapters(filename, *arguments, **more)


class FlacAnewPP(FFmpegPostProcessor):  # type: ignore[misc]
    """Encodes FLAC that was cut anew: copied, it states the length of the whole. Nothing is lost by it."""

    def run(self, info: Info) -> Outcome:
        """See the class."""
        path = info["filepath"]
        if path.endswith(".flac"):
            anew = prepend_extension(path, "anew")
            self.real_run_ffmpeg([(path, [])], [(anew, [*self.stream_copy_opts(), *FLAC_ANEW])])
            Path(anew).replace(path)
        return [], info


class ChapterFilesPP(FFmpegSplitChaptersPP):  # type: ignore[misc]
    """Makes each chapter a file of its own, and lists them as `chapter_files` in the info dict."""

    def run(self, info: Info) -> Outcome:
        """See the class."""
        self._fixup_chapters(info)
        chapters = info.get("chapters") or []
        if not chapters or len(chapters) > MAX_CHAPTERS:
            why = f"there are {len(chapters)}, more than {MAX_CHAPTERS}" if chapters else "there are none"
            self.report_warning(f"no chapters are split off: {why}")
            return [], info
        self.to_screen(f"Splitting off {len(chapters)} chapters")
        info["chapter_files"] = []
        for number, chapter in enumerate(chapters, start=1):
            try:
                info["chapter_files"].append(self._split(number, chapter, info["filepath"]))
            except PostProcessingError as error:
                self.report_warning(f"chapter {number} could not be split off: {error}")
        return [], info

    def _split(self, number: int, chapter: Mapping[str, Any], source: str) -> Info:
        start, end = float(chapter["start_time"]), float(chapter["end_time"])
        title = _plain_title(chapter.get("title")) or f"Chapter {number}"
        target = str(Path(source).with_name(f"chapter-{number:03d}{Path(source).suffix}"))
        # Without the chapters of the whole; and of Ogg without the cover, which ffmpeg takes for a film there.
        only_sound = ("-map", "-0:v") if target.endswith((".ogg", ".opus")) else ()
        tags = ("-metadata", f"title={title}", "-metadata", f"track={number}")
        anew = SOUND_ANEW.get(Path(target).suffix, ())
        options = [*self.stream_copy_opts(), *only_sound, *anew, "-map_chapters", "-1", *tags]
        self.real_run_ffmpeg([(source, _span(start, end))], [(target, options)])
        return {"filepath": target, "number": number, "title": title, "duration": end - start}


def _span(start: float, end: float) -> Sequence[str]:
    return ["-ss", f"{start:.6f}", "-t", f"{end - start:.6f}"]


def _plain_title(title: Any) -> str:
    """For a command line: no NUL, no lone surrogates."""
    return str(title or "")[:MAX_TITLE_CHARACTERS].replace("\0", "").encode("utf-8", "replace").decode()


def _shifted(part: Mapping[str, Any], start: float, end: float | None) -> Info | None:
    """A chapter as seen from the section's beginning, None for one outside."""
    ends = part.get("end_time")
    begin = max(float(part.get("start_time") or 0), start)
    finish = min((float(time) for time in (ends, end) if time is not None), default=None)
    if finish is not None and finish <= begin:
        return None
    shifted = {**part, "start_time": begin - start, "end_time": None if finish is None else finish - start}
    if "_categories" in part:  # SponsorBlock's own copy of the same times
        shifted["_categories"] = [
            (category, shifted["start_time"], shifted["end_time"], title)
            for category, _, _, title in part["_categories"]
        ]
    return shifted
