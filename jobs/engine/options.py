"""A Request as yt-dlp's parameters, and the checks of what users may put into one. Starts no download.

The parameters are an allow-list: nothing of a request reaches yt-dlp but through a function below. In particular there
is no way to configuration files, netrc, plugins, external downloaders, programs of the user's or his own arguments.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from jobs.engine.contract import Options, Request, Tools

MAX_SELECTOR_CHARACTERS = 500
MAX_PINNED_CHARACTERS = 200
EXCERPT_CHARACTERS = 30  # either side of an error
SOCKET_TIMEOUT_SECONDS = 20
RETRIES = 3
MAX_RETRY_SLEEP_SECONDS = 4.0

# What ffmpeg may take bytes for that somebody else has made. Not listed, among others: concat, imf, vobsub, tty. Those
# are lists of further files and addresses, which ffmpeg opens by itself, or show any file as text.
_CONTAINERS = (
    "asf,avi,dv,flv,live_flv,matroska,mov,mpeg,mpegts,mxf,nut,ogg,rm,"
    "av1,h264,hevc,ivf,m4v,mpegvideo,obu,"
    "aac,ac3,aiff,amr,ape,au,caf,dts,dtshd,eac3,flac,mp3,mpc,mpc8,truehd,tta,w64,wav,wv"
)
_SUBTITLES = "ass,lrc,microdvd,sami,scc,srt,subviewer,subviewer1,webvtt"
_PICTURES = "apng,bmp_pipe,gif,gif_pipe,image2,jpeg_pipe,jpegxl_pipe,png_pipe,tiff_pipe,webp_anim,webp_pipe"

# ffmpeg's options for an input in the work directory, whatever its name says it is.
FILE_INPUT = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", f"{_CONTAINERS},{_SUBTITLES},{_PICTURES},ffmetadata"),
)
# And for one that it fetches. It sends http and tls through the proxy of its environment; every other network protocol
# would pass the proxy by. Lists of further addresses are fine, for those are fetched in the same way.
NETWORK_INPUT = (
    *("-protocol_whitelist", "http,https,tls,tcp,crypto,data,httpproxy"),
    *("-format_whitelist", f"hls,dash,{_CONTAINERS},{_SUBTITLES}"),
)

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
        **_files(request),
        **_limits(request),
        **_network(),
        **_safety(),
        **_tools(request.tools),
        "postprocessors": _postprocessors(options),
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


def check_subtitle_language(code: str) -> None:
    """Raise ValueError unless the code looks like BCP 47: `en`, `en-US`, `zh-Hans`."""
    if not _LANGUAGE.fullmatch(code) or code.lower() == "all":  # yt-dlp's word for every language
        raise ValueError(f"{code[:40]!r} is not a language code such as en, en-US or zh-Hans.")


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")


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


def is_audio(options: Options) -> bool:
    """Does the request ask for sound alone?"""
    return options.audio_only or options.quality in ("audio", "audio_only")


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
        "subtitleslangs": [_language_pattern(code) for code in options.subtitle_languages],
        "subtitlesformat": f"{_subtitle_format(options)}/vtt/srt/ass/ttml/best",
    }


def _wants_subtitles(options: Options) -> bool:
    return options.download_subtitles or (options.embed_subtitles and not is_audio(options))


def _language_pattern(code: str) -> str:
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


def _postprocessors(options: Options) -> list[dict[str, Any]]:
    """In the order in which they run: container first, for not every one holds what is embedded later."""
    return [
        *_before_download(options),
        _audio_extraction(options) if is_audio(options) else {"key": "Container", "extension": options.video_format},
        *_embedding(options),
        *([{"key": "InfoJsonCleaner", "when": "after_move"}] if options.write_info_json else []),
    ]


def _before_download(options: Options) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if _wants_subtitles(options):
        steps.append({"key": "FFmpegSubtitlesConvertor", "format": _subtitle_format(options), "when": "before_dl"})
    if options.write_thumbnail or options.embed_thumbnail:
        steps.append({"key": "ThumbnailAsJpeg", "when": "before_dl"})
    return steps


def _embedding(options: Options) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    if options.embed_subtitles and not is_audio(options):
        steps.append({"key": "FFmpegEmbedSubtitle", "already_have_subtitle": options.download_subtitles})
    if options.embed_metadata:
        steps.append({"key": "FFmpegMetadata", "add_chapters": True, "add_metadata": True, "add_infojson": False})
    if options.embed_thumbnail:
        steps.append({"key": "Cover", "already_have_thumbnail": options.write_thumbnail})
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
        "playlist_items": "1",
        "skip_unavailable_fragments": False,  # yt-dlp's default makes a silently damaged file of a lost fragment
        "concurrent_fragment_downloads": 1,  # more than one, and a killed download cannot be resumed
        "ignoreerrors": False,
    }


def _network() -> Parameters:
    """No proxy for yt-dlp itself: its sockets are guarded. ffmpeg takes the guarding proxy from the environment."""
    return {
        "proxy": "",
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "retries": RETRIES,
        "fragment_retries": RETRIES,
        "extractor_retries": RETRIES,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), _retry_sleep),
        "external_downloader_args": {"ffmpeg_i": [*NETWORK_INPUT]},
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
