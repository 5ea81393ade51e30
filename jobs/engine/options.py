"""A Request as yt-dlp's parameters, and the checks of what users may put into one. Starts no download.

The parameters are an allow-list: nothing of a request reaches yt-dlp but through a function below. In particular there
is no way to configuration files, netrc, plugins, external downloaders, programs of the user's or his own arguments.
"""

import math
import multiprocessing
import re
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from jobs.engine.contract import Options, Request, Tools
from jobs.engine.inputs import AUDIBLE, network_input
from jobs.engine.rules import SPONSORBLOCK_URL, is_audio

MAX_SELECTOR_CHARACTERS = 500
MAX_PINNED_CHARACTERS = 200
EXCERPT_CHARACTERS = 30  # either side of an error
SOCKET_TIMEOUT_SECONDS = 20
RETRIES = 3
MAX_RETRY_SLEEP_SECONDS = 4.0
MAX_BLOCK_BYTES = 64 * 1024

Parameters = dict[str, Any]
Hook = Callable[[dict[str, Any]], None]


def build(request: Request, *, progress_hook: Hook, postprocessor_hook: Hook, logger: Any) -> Parameters:
    """The parameters of one attempt. `logger` has yt-dlp's debug, info, warning and error."""
    from jobs.engine import postprocessing  # noqa: PLC0415 - loads yt-dlp, which only the child needs

    postprocessing.register()
    options = request.options
    return {
        **_format_selection(request),
        **_container(options),
        **_subtitles(options),
        **_thumbnail(options),
        **_info_json(options),
        **_section(options),
        **_files(request),
        **_limits(request),
        **_rate(options),
        **_network(),
        **_safety(),
        **_tools(request.tools),
        "postprocessors": _postprocessors(request),
        "progress_hooks": [progress_hook],
        "postprocessor_hooks": [postprocessor_hook],
        "logger": logger,
    }


def check_format_selector(text: str) -> None:
    """Raise ValueError, with a message that points at the place, unless yt-dlp can parse the selector."""
    if not text.strip():
        raise ValueError("The format selector is empty.")
    if len(text) > MAX_SELECTOR_CHARACTERS:
        raise ValueError(f"The format selector is longer than {MAX_SELECTOR_CHARACTERS} characters.")
    if not text.isprintable():
        raise ValueError("The format selector must be one line of printable characters.")
    if "#" in text:
        raise ValueError(f"The format selector must not hold '#', as at character {text.index('#') + 1}.")
    try:
        _selector_parser()(text)
    except RecursionError:
        raise ValueError("The format selector is nested too deeply.") from None
    except SyntaxError as error:
        raise ValueError(_where(text, str(error))) from None
    except (ValueError, TypeError, LookupError):  # what yt-dlp's parser trips over, such as "[)"
        raise ValueError("The format selector cannot be read; look at its brackets and filters.") from None


def check_format_selector_apart(text: str) -> None:
    """The same in a process of its own, which takes with it the 16 MB of yt-dlp that this one may not need.

    In this process all the same where it has threads, which do not survive a fork, or yt-dlp already.
    """
    if "yt_dlp" in sys.modules or threading.active_count() > 1:
        check_format_selector(text)
        return
    with multiprocessing.get_context("fork").Pool(1) as checker:
        checker.apply(check_format_selector, (text,))


def check_subtitle_language(code: str) -> None:
    """Raise ValueError unless the code looks like BCP 47: `en`, `en-US`, `zh-Hans`."""
    if not _LANGUAGE.fullmatch(code) or code.lower() == "all":  # yt-dlp's word for every language
        raise ValueError(f"{code[:40]!r} is not a language code such as en, en-US or zh-Hans.")


LANGUAGE_PATTERN = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}"
_LANGUAGE = re.compile(LANGUAGE_PATTERN)


@cache
def _selector_parser() -> Callable[[str], Any]:
    import yt_dlp  # noqa: PLC0415 - takes 0.4 s, and few requests bring a selector

    _refuse_plugins()
    parser: Callable[[str], Any] = yt_dlp.YoutubeDL({"quiet": True}, auto_init=False).build_format_selector
    return parser


def _where(text: str, message: str) -> str:
    """yt-dlp's message on one line: its note, and what stands left and right of where its caret points."""
    note, _, drawing = message.removeprefix("Invalid format specification: ").partition("\n\t")
    column = drawing.rpartition("\n\t")[2].find("^")
    if column < 0:
        return f"{note.strip()}."
    left, right = text[max(column - EXCERPT_CHARACTERS, 0) : column], text[column : column + EXCERPT_CHARACTERS]
    return f"{note.strip()}, at character {min(column, len(text)) + 1}: {left}►{right}"


# --- formats and container ---

HEIGHTS = {"4k": 2160, "1440p": 1440, "1080p": 1080, "720p": 720, "480p": 480, "360p": 360}

# What plays everywhere in a container, asked for among formats of the same resolution; the others take yt-dlp's order.
_CODEC_ORDER = {
    "mp4": ["vcodec:h264", "acodec:aac"],
    "mov": ["vcodec:h264", "acodec:aac"],
    "flv": ["vcodec:h264", "acodec:aac"],
    "avi": ["vcodec:h264", "acodec:mp3"],
}
_AUDIO_ORDER = {"mp3": ["acodec:mp3"], "m4a": ["acodec:aac"], "aac": ["acodec:aac"], "vorbis": ["acodec:vorbis"]}


def _format_selection(request: Request) -> Parameters:
    wanted = _wanted_formats(request)
    if request.pinned_format and is_pinnable(request.pinned_format):
        wanted |= {"format": f"{request.pinned_format}/{wanted['format']}"}
    return wanted


def is_pinnable(format_id: str) -> bool:
    """Does a selector read the id as one word for each format? Another one's partial file waits in vain."""
    return len(format_id) <= MAX_PINNED_CHARACTERS and _PINNABLE.fullmatch(format_id) is not None


_PINNABLE = re.compile(r"[\w.:-]+(?:\+[\w.:-]+)*", re.ASCII)


def _wanted_formats(request: Request) -> Parameters:
    options = request.options
    if options.custom_format:
        return {"format": options.custom_format}
    if is_audio(options):
        return {"format": "ba/b", "format_sort": ["lang", "quality", *_AUDIO_ORDER.get(options.audio_format, [])]}
    codecs = ["fps", "hdr:12", *_CODEC_ORDER.get(options.video_format, [])]
    if options.quality in HEIGHTS:
        return {"format": "bv*+ba/b", "format_sort": ["lang", f"res:{HEIGHTS[options.quality]}", *codecs]}
    return {"format": request.default_format, "format_sort": ["lang", "quality", "res", *codecs]}


def _container(options: Options) -> Parameters:
    """Streams that cannot share the wanted container meet in mkv; the Container post-processor takes it from there."""
    if is_audio(options):
        return {}
    direct = {"mp4": "mp4/mkv", "webm": "webm/mkv", "mov": "mp4/mkv"}
    return {
        "merge_output_format": direct.get(options.video_format, "mkv"),
        "prefer_free_formats": options.video_format == "webm",
    }


# --- subtitles, thumbnail, metadata ---


def _subtitles(options: Options) -> Parameters:
    if not _wants_subtitles(options):
        return {}
    return {
        "writesubtitles": True,
        "writeautomaticsub": options.auto_subtitles,
        "subtitleslangs": [language_pattern(code) for code in options.subtitle_languages],
        "subtitlesformat": f"{_subtitle_format(options)}/vtt/srt/ass/ttml/best",
    }


def _wants_subtitles(options: Options) -> bool:
    return options.download_subtitles or (options.embed_subtitles and not is_audio(options))


def language_pattern(code: str) -> str:
    """yt-dlp reads languages as regular expressions. Sites write both en-US and en_US."""
    return "[-_]".join(map(re.escape, code.split("-")))


def _subtitle_format(options: Options) -> str:
    """Subtitles that are only embedded take the format that the container holds best."""
    if options.download_subtitles:
        return options.subtitle_format
    return "vtt" if options.video_format == "webm" else "srt"


def _thumbnail(options: Options) -> Parameters:
    return {"writethumbnail": options.write_thumbnail or options.embed_thumbnail}


def _info_json(options: Options) -> Parameters:
    return {"writeinfojson": options.write_info_json, "clean_infojson": True}


# --- sections, sponsors, chapters ---


def _section(options: Options) -> Parameters:
    """yt-dlp leaves a section to ffmpeg, which asks for no more of the media than it needs."""
    live = {"live_from_start": options.live_from_start}
    if not options.is_clip:
        return live
    section = {"start_time": options.clip_start or 0.0, "end_time": options.clip_end or math.inf}
    return {**live, "download_ranges": lambda _info, _downloader: [section]}


def _sponsors(request: Request) -> list[dict[str, Any]]:
    options = request.options
    categories = [*options.sponsorblock_remove, *options.sponsorblock_mark]
    if not categories:
        return []
    api = request.sponsorblock_api or SPONSORBLOCK_URL
    return [{"key": "Sponsors", "categories": categories, "api": api, "when": "after_filter"}]


def _cuts(options: Options) -> list[dict[str, Any]]:
    """Without what is to be removed, Cuts still puts the sponsors among the chapters."""
    has_sponsors = options.sponsorblock_remove or options.sponsorblock_mark
    cuts = [{"key": "Cuts", "remove_sponsor_segments": options.sponsorblock_remove}] if has_sponsors else []
    return [*cuts, *([{"key": "FlacAnew"}] if options.is_clip or options.sponsorblock_remove else [])]


# --- post-processors ---


def _postprocessors(request: Request) -> list[dict[str, Any]]:
    """In the order in which they run: container first, for not every one holds what is embedded later.

    Subtitles are embedded before sponsors are cut out, to be cut along; metadata after, to tell the chapters that stay.
    An avi is written once: ffmpeg reads the times of AAC in it wrongly, and would write those into the next one.
    """
    options = request.options
    made = _audio_extraction(options) if is_audio(options) else {"key": "Container", "extension": options.video_format}
    into_avi = options.video_format == "avi" and not is_audio(options)
    return [
        *_sponsors(request),
        *_before_download(options),
        *([*_additions(options), made] if into_avi else [made, *_additions(options)]),
        *([{"key": "Cover", "already_have_thumbnail": options.write_thumbnail}] if options.embed_thumbnail else []),
        *([{"key": "ChapterFiles"}] if options.split_chapters else []),
        *([{"key": "InfoJsonCleaner", "when": "after_move"}] if options.write_info_json else []),
    ]


def _before_download(options: Options) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if _wants_subtitles(options):
        steps.append({"key": "MissingSubtitles", "languages": options.subtitle_languages, "when": "before_dl"})
        steps.append({"key": "FFmpegSubtitlesConvertor", "format": _subtitle_format(options), "when": "before_dl"})
    if options.write_thumbnail or options.embed_thumbnail:
        steps.append({"key": "ThumbnailAsJpeg", "when": "before_dl"})
    if options.is_clip:
        steps.append({"key": "Clip", "when": "before_dl"})
    return steps


def _additions(options: Options) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if options.embed_subtitles and not is_audio(options):
        steps.append({"key": "EmbedSubtitle", "already_have_subtitle": options.download_subtitles})
    steps += _cuts(options)
    if options.embed_metadata:
        steps.append({"key": "Metadata", "add_chapters": True, "add_metadata": True, "add_infojson": False})
    return steps


# --- audio ---

# libvorbis refuses bit rates that libmp3lame takes, so its quality goes by yt-dlp's scale, 0 (best) to 10.
_VORBIS_QUALITY = {"96": "8", "128": "6", "192": "4", "256": "2", "320": "1", "best": "0"}
# libopus takes at most 256 kbit/s a channel.
_OPUS_QUALITY = {"320": "256", "best": "192"}
_BEST_QUALITY = {"mp3": "0", "m4a": "256", "aac": "256"}


def _audio_extraction(options: Options) -> dict[str, Any]:
    """Sound that is in the wanted codec already is copied as it is. AAC comes in an m4a file, never as bare ADTS."""
    codec = "m4a" if options.audio_format == "aac" else options.audio_format
    return {"key": "FFmpegExtractAudio", "preferredcodec": codec, "preferredquality": _audio_quality(options)}


def _audio_quality(options: Options) -> str | None:
    codec, quality = options.audio_format, options.audio_quality
    if codec in ("flac", "wav"):
        return None
    if codec == "vorbis":
        return _VORBIS_QUALITY[quality]
    if codec == "opus":
        return _OPUS_QUALITY.get(quality, quality)
    return _BEST_QUALITY[codec] if quality == "best" else quality


# --- files, limits, network ---


def _files(request: Request) -> Parameters:
    """Everything in the work directory, under names of ours; the format id keeps `.part` files of two formats apart."""
    return {
        "paths": {"home": str(request.work_dir)},
        "outtmpl": {"default": "media.f%(format_id).60B.%(ext)s"},
        "restrictfilenames": True,
        "windowsfilenames": True,
        "continuedl": True,
        "nopart": False,
        "updatetime": False,
        "cachedir": False,
        "allow_playlist_files": False,
    }


def _limits(request: Request) -> Parameters:
    """`max_filesize` heeds declared sizes only, and then skips the file; the supervisor enforces the limit."""
    return {
        "max_filesize": request.limits.max_file_bytes,
        "noplaylist": True,
        "playlist_items": str(request.page_entry or 1),
        "skip_unavailable_fragments": False,  # yt-dlp's default makes a silently damaged file of a lost fragment
        "concurrent_fragment_downloads": 1,  # more than one, and a killed download cannot be resumed
        "ignoreerrors": False,
    }


def _rate(options: Options) -> Parameters:
    """What ffmpeg fetches passes the egress proxy, which keeps to the same rate."""
    rate = options.rate_limit_bps
    if rate is None:
        return {}
    return {"ratelimit": rate, "buffersize": block_bytes(rate), "noresizebuffer": True}


def block_bytes(rate_limit_bps: int) -> int:
    """How much may be read at once, so that the wait after it stays short: in between, stops are heeded."""
    return max(min(rate_limit_bps // 4, MAX_BLOCK_BYTES), 256)


def _network() -> Parameters:
    """No proxy for yt-dlp itself: its sockets are guarded. ffmpeg takes the guarding proxy from the environment."""
    return {
        "proxy": "",
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "retries": RETRIES,
        "fragment_retries": RETRIES,
        "extractor_retries": RETRIES,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), _retry_sleep),
        "external_downloader_args": {"ffmpeg_i": [*AUDIBLE, *network_input()]},
    }


def _retry_sleep(n: int) -> float:
    """0.5, 1, 2, 4, 4 … seconds. yt-dlp passes the number by this name."""
    return float(min(0.5 * 2.0 ** min(n, 10), MAX_RETRY_SLEEP_SECONDS))


def _safety() -> Parameters:
    return {
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "allowed_extractors": ["default"],
        "default_search": "error",
        "enable_file_urls": False,
        "usenetrc": False,
        "netrc_cmd": None,
        "cookiesfrombrowser": None,
        "external_downloader": None,
        "remote_components": [],
        "compat_opts": [],
        "fixup": "detect_or_warn",
        "postprocessor_args": {},
        "warn_when_outdated": False,
    }


def _tools(tools: Tools) -> Parameters:
    runtime = {tools.js_runtime.name: {"path": str(tools.js_runtime)}} if tools.js_runtime else {}
    return {"ffmpeg_location": str(tools.ffmpeg.parent), "js_runtimes": runtime}


def _refuse_plugins() -> None:
    """yt-dlp would load plugins from the home directory and from every package at its first use."""
    from yt_dlp.globals import all_plugins_loaded  # noqa: PLC0415

    all_plugins_loaded.value = True
