"""Post-processors of ours, for what yt-dlp's own get wrong for a service: one unfit file must not fail the download.

Only imported where yt-dlp is at work. They run as parts of yt-dlp, by its rules: `run` takes and gives its info dict.
yt-dlp's own are bound too in what they may take a file for.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mutagen import MutagenError
from mutagen.mp4 import MP4
from yt_dlp.globals import all_plugins_loaded, postprocessors
from yt_dlp.postprocessor import (
    EmbedThumbnailPP,
    FFmpegEmbedSubtitlePP,
    FFmpegMetadataPP,
    FFmpegPostProcessor,
    FFmpegThumbnailsConvertorPP,
    FFmpegVideoRemuxerPP,
    PostProcessor,
)
from yt_dlp.utils import PostProcessingError

from jobs.engine.cutting import ChapterFilesPP, ClipPP, CutsPP, FlacAnewPP, SponsorsPP
from jobs.engine.inputs import FILE_INPUT, SPLICE_INPUT
from jobs.engine.options import language_pattern

Info = dict[str, Any]
Outcome = tuple[list[str], Info]

# What ffmpeg writes into each container by copying and players commonly read. mkv holds everything.
_ISO_BASE = frozenset({"h264", "hevc", "mpeg4", "mpeg2video", "mjpeg", "aac", "mp3", "alac", "ac3", "eac3", "mov_text"})
FITTING_CODECS: Mapping[str, frozenset[str]] = {
    "mp4": _ISO_BASE | {"av1", "vp9", "opus", "flac"},
    "mov": _ISO_BASE | {"prores", "pcm_s16le"},
    "webm": frozenset({"vp8", "vp9", "av1", "vorbis", "opus", "webvtt"}),
    "flv": frozenset({"h264", "flv1", "vp6f", "aac", "mp3"}),
    "avi": frozenset({"h264", "mpeg4", "mpeg2video", "mjpeg", "msmpeg4v3", "mp3", "mp2", "ac3", "aac", "pcm_s16le"}),
}
# ffmpeg names languages in a mov by QuickTime's numbers, and drops what it has no number for. What it calls otherwise
# than ISO 639-2's terms, from its table `mov_mdhd_language_map`, misspellings included.
MOV_LANGUAGES: Mapping[str, str] = {
    "bod": "tib",
    "cym": "wel",
    "deu": "ger",
    "ell": "gre",
    "eus": "baq",
    "fao": "fo ",
    "fas": "per",
    "gle": "iri",
    "hrv": "hr ",
    "hye": "arm",
    "isl": "ice",
    "kat": "geo",
    "mkd": "mac",
    "msa": "may",
    "mya": "bur",
    "nld": "dut",
    "nno": "nor",
    "nob": "nor",
    "sqi": "alb",
    "srp": "sr ",
    "swe": "sve",
    "zho": "chi",
}
PLAYED_KINDS = ("video", "audio", "subtitle")
MAX_LISTED = 50
SECRET_KEYS = frozenset({"cookies", "http_headers", "cookie"})


def register() -> None:
    """Make them known to yt-dlp by their names without PP, and keep yt-dlp from loading anybody's plugins."""
    all_plugins_loaded.value = True
    ours = (ContainerPP, CoverPP, EmbedSubtitlePP, InfoJsonCleanerPP, MetadataPP, MissingSubtitlesPP, ThumbnailAsJpegPP)
    cutting = (ChapterFilesPP, ClipPP, CutsPP, FlacAnewPP, SponsorsPP)
    postprocessors.value.update({kind.__name__: kind for kind in (*ours, *cutting)})
    _name_what_inputs_may_be()


def _name_what_inputs_may_be() -> None:
    """Whatever yt-dlp starts to read a file gets FILE_INPUT: a "film" may be a list of this machine's files.

    yt-dlp's own way, `postprocessor_args`, goes by post-processor and does not reach ffprobe.
    """
    FFmpegPostProcessor.real_run_ffmpeg = _run_ffmpeg
    FFmpegPostProcessor.get_metadata_object = _metadata
    FFmpegPostProcessor.get_audio_codec = _audio_codec


_unguarded_run_ffmpeg = FFmpegPostProcessor.real_run_ffmpeg
_unguarded_metadata = FFmpegPostProcessor.get_metadata_object


def _run_ffmpeg(self: Any, inputs: Sequence[tuple[str, Any]], outputs: Any, **more: Any) -> Any:
    guarded = [(path, [*(SPLICE_INPUT if "concat" in options else FILE_INPUT), *options]) for path, options in inputs]
    return _unguarded_run_ffmpeg(self, guarded, outputs, **more)


def _metadata(self: Any, path: str, opts: Sequence[str] = ()) -> Any:
    return _unguarded_metadata(self, path, [*FILE_INPUT, *opts])


def _audio_codec(self: Any, path: str) -> Any:
    """yt-dlp's own takes no options for ffprobe."""
    streams = self.get_metadata_object(path).get("streams", ())
    return next((stream.get("codec_name") for stream in streams if stream["codec_type"] == "audio"), None)


class ContainerPP(FFmpegVideoRemuxerPP):  # type: ignore[misc]
    """Puts the streams into the wanted container when they fit, without encoding anew; otherwise leaves the file be.

    Encoding a film takes hours of processor time that nobody asked for; the log says what was left and why.
    """

    def __init__(self, downloader: Any = None, extension: str = "mp4") -> None:
        super().__init__(downloader, extension)
        self._codecs: set[str] = set()

    def run(self, info: Info) -> Outcome:
        """See the class."""
        if info.get("vcodec") == "none" or info["ext"] == self.mapping:
            return [], info
        if unfit := self._unfit(info["filepath"]):
            self.report_warning(f"{', '.join(unfit)} does not fit into {self.mapping}; the file stays {info['ext']}")
            return [], info
        try:
            return tuple(super().run(info))
        except PostProcessingError as error:
            Path(info["filepath"]).with_suffix(f".{self.mapping}").unlink(missing_ok=True)
            self.report_warning(f"could not be put into {self.mapping}: {error}; the file stays {info['ext']}")
            return [], info

    def _options(self, target_ext: str) -> list[str]:
        """yt-dlp's hook. avi wants H.264 with start codes; ffmpeg adds them by itself to some sources only."""
        bare = target_ext == "avi" and "h264" in self._codecs
        return [*self.stream_copy_opts(), *(("-bsf:v", "h264_mp4toannexb") if bare else ())]

    def _unfit(self, path: str) -> list[str]:
        """The codecs that the container does not hold. A picture is unfit for all, or it would pass for a film."""
        media = self.get_metadata_object(path)
        codecs = {s["codec_name"] for s in media.get("streams", ()) if s["codec_type"] in PLAYED_KINDS}
        self._codecs = codecs
        if media.get("format", {}).get("format_name", "image2").endswith(("image2", "_pipe")):
            return sorted(codecs) or ["an unknown format"]
        return sorted(codecs - FITTING_CODECS.get(self.mapping, codecs))


class CoverPP(EmbedThumbnailPP):  # type: ignore[misc]
    """Embeds the thumbnail where the container has room for one; elsewhere says so and goes on."""

    def run(self, info: Info) -> Outcome:
        """See the class."""
        try:
            self._make_room(info)
            return tuple(super().run(info))
        except (PostProcessingError, MutagenError) as error:
            self.report_warning(f"the thumbnail could not be embedded: {error}")
            return self._unused_thumbnails(info), info

    @staticmethod
    def _make_room(info: Info) -> None:
        """ffmpeg gives a mov no iTunes tag list, without which yt-dlp has ffmpeg embed, and that loses the cover."""
        if info["ext"] != "mov" or not any(thumbnail.get("filepath") for thumbnail in info.get("thumbnails") or []):
            return
        film: Any = MP4(info["filepath"])  # type: ignore[no-untyped-call]
        if film.tags is None:
            film.add_tags()
            film.save()

    def _unused_thumbnails(self, info: Info) -> list[str]:
        if self._already_have_thumbnail:
            return []
        return [thumbnail["filepath"] for thumbnail in info.get("thumbnails") or [] if thumbnail.get("filepath")]


class EmbedSubtitlePP(FFmpegEmbedSubtitlePP):  # type: ignore[misc]
    """Embeds subtitles, with their languages in a mov as well."""

    def run_ffmpeg_multiple_files(self, input_paths: Sequence[str], out_path: str, opts: Any, **more: Any) -> Any:
        """yt-dlp's own."""
        named = [_in_mov(option) for option in opts] if out_path.endswith(".mov") else opts
        return super().run_ffmpeg_multiple_files(input_paths, out_path, named, **more)


def _in_mov(option: str) -> str:
    name, _, language = option.partition("=")
    return f"language={MOV_LANGUAGES.get(language, language)}" if name == "language" else option


class ThumbnailAsJpegPP(FFmpegThumbnailsConvertorPP):  # type: ignore[misc]
    """Makes jpg of webp and the rest; a thumbnail that is no image is dropped."""

    def __init__(self, downloader: Any = None) -> None:
        super().__init__(downloader, "png>png/jpg")

    def run(self, info: Info) -> Outcome:
        """See the class."""
        try:
            return tuple(super().run(info))
        except PostProcessingError as error:
            self.report_warning(f"the thumbnail is not an image: {error}")
            return self._drop(info), info

    @staticmethod
    def _drop(info: Info) -> list[str]:
        with_files = [thumbnail for thumbnail in info["thumbnails"] if thumbnail.get("filepath")]
        paths = [thumbnail.pop("filepath") for thumbnail in with_files]
        for path in paths:
            info["__files_to_move"].pop(path, None)
        return paths


class MissingSubtitlesPP(PostProcessor):  # type: ignore[misc]
    """Says which of the wanted languages there are no subtitles in: yt-dlp passes them over in silence."""

    def __init__(self, downloader: Any = None, languages: Sequence[str] = ()) -> None:
        super().__init__(downloader)
        self._languages = languages

    def run(self, info: Info) -> Outcome:
        """See the class."""
        found = info.get("requested_subtitles") or {}
        missing = [
            code for code in self._languages if not any(re.fullmatch(language_pattern(code), one) for one in found)
        ]
        if missing:
            there = sorted({*(info.get("subtitles") or {}), *(info.get("automatic_captions") or {})} - {"live_chat"})
            offered = f"there are {', '.join(there[:MAX_LISTED])}" if there else "there are none at all"
            self.report_warning(f"no subtitles in {', '.join(missing)}; {offered}")
        return [], info


class MetadataPP(FFmpegMetadataPP):  # type: ignore[misc]
    """Embeds title, date and chapters, and deletes the file without them before the new one takes its name.

    ext4 writes a file out before it takes another's place: half a second or more for each GiB. An attempt that is
    killed in between has to fetch the file again. What came as avi is left alone: see `options`.
    """

    def run(self, info: Info) -> Outcome:
        """yt-dlp's own."""
        if info["ext"] == "avi":
            self.report_warning("title, author and date are not embedded: an avi would lose the times of its sound")
            return [], info
        return tuple(super().run(info))

    def run_ffmpeg_multiple_files(self, input_paths: Sequence[str], out_path: str, opts: Any, **more: Any) -> Any:
        """yt-dlp's own, of which `run` has the first input's place taken by the output."""
        answer = super().run_ffmpeg_multiple_files(input_paths, out_path, opts, **more)
        Path(input_paths[0]).unlink()
        return answer


class InfoJsonCleanerPP(PostProcessor):  # type: ignore[misc]
    """Takes cookies and request headers out of the info JSON: yt-dlp writes those of every format into it."""

    def run(self, info: Info) -> Outcome:
        """See the class."""
        path = info.get("infojson_filename")
        if path and Path(path).is_file():
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            Path(path).write_text(json.dumps(_without_secrets(content)), encoding="utf-8")
        return [], info


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(inner) for key, inner in value.items() if key not in SECRET_KEYS}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value
