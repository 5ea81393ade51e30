"""What every child would otherwise do anew: import yt-dlp, compile expressions, load certificates, ask for versions.

Done once in the worker's main process. A child works without it too, but starts 1.2 s later and shares less memory.
"""

import functools
import gc
import importlib
import io
import logging
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.engine.contract import EgressPolicy, Limits, Options, Request, Tools

log = logging.getLogger(__name__)

# Loaded by yt-dlp at their first use.
_LATE_MODULES = (
    "yt_dlp.downloader.dash",
    "yt_dlp.downloader.external",
    "yt_dlp.downloader.f4m",
    "yt_dlp.downloader.fragment",
    "yt_dlp.downloader.hls",
    "yt_dlp.downloader.http",
    "yt_dlp.extractor.generic",
    "yt_dlp.networking._curlcffi",
    "yt_dlp.networking._requests",
    "yt_dlp.networking._urllib",
    "yt_dlp.networking._websockets",
    "yt_dlp.postprocessor",
    "encodings.idna",
    "jobs.engine.child",
)

# Expressions that Python keeps compiled: by default 512, and 5 of `strptime`'s. One download uses more of either.
_CACHE_SIZES = (("re", "_MAXCACHE", 8192), ("re", "_MAXCACHE2", 2048), ("_strptime", "_CACHE_MAX_SIZE", 512))

BLOCKS_A_SECOND = 40

_LIMITS = Limits(total_seconds=60, stall_seconds=60, max_file_bytes=1 << 20, free_disk_bytes=0, max_memory_bytes=0)
_FILM = ("film.mp4", "video/mp4", bytes(4096))
_STREAM = (
    "film.m3u8",
    "application/vnd.apple.mpegurl",
    b"#EXTM3U\n"
    b'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",LANGUAGE="en",URI="a.m3u8"\n'
    b'#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360,FRAME-RATE=25,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="a"\n'
    b"v.m3u8\n",
)


def warm(tools: Tools) -> None:
    """Prepare this process, from which workers and then children are forked. Takes about a second; call it once."""
    for module in _LATE_MODULES:
        importlib.import_module(module)
    importlib.import_module("jobs.engine.postprocessing").register()
    _widen_caches()
    _share_tls_contexts()
    _shorten_blocks()
    importlib.import_module("jobs.engine.matching").index_apart()
    versions(tools)
    _rehearse(tools)
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page


@functools.cache
def versions(tools: Tools) -> Mapping[str, str]:
    """The versions at work, for a result's provenance. Asking ffmpeg takes 0.1 s; yt-dlp, too, keeps the answer."""
    from yt_dlp import YoutubeDL  # noqa: PLC0415
    from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor  # noqa: PLC0415
    from yt_dlp.version import __version__  # noqa: PLC0415

    downloader = YoutubeDL({"quiet": True, "ffmpeg_location": str(tools.ffmpeg.parent)}, auto_init=False)
    found = FFmpegPostProcessor.get_versions(downloader)
    return {"yt_dlp": __version__, "ffmpeg": str(found.get("ffmpeg") or ""), "python": platform.python_version()}


def _widen_caches() -> None:
    """The names are private: where a Python has them no more, children compile a hundred expressions again."""
    for module, name, size in _CACHE_SIZES:
        owner = importlib.import_module(module)
        if isinstance(getattr(owner, name, None), int):
            setattr(owner, name, size)


def _share_tls_contexts() -> None:
    """Load the certificate authorities once (20 ms, 4 MB) and not for every request handler of every child."""
    from yt_dlp.networking import common  # noqa: PLC0415

    if not hasattr(common.make_ssl_context, "cache_info"):
        common.make_ssl_context = functools.cache(common.make_ssl_context)
    common.make_ssl_context(verify=True, legacy_support=False, use_certifi=True)


def _shorten_blocks() -> None:
    """Have yt-dlp read as much at once as comes in a fortieth of a second, where it would wait for a second's worth.

    What is not written yet is lost with a child that is killed. Takes 1 MB less of a child at 1 MB/s, and nothing of
    the speed of a fast one; stops are heeded between blocks.
    """
    from yt_dlp.downloader import FileDownloader  # noqa: PLC0415

    original = FileDownloader.best_block_size
    if original.__module__ != __name__:
        FileDownloader.best_block_size = staticmethod(lambda seconds, size: original(seconds * BLOCKS_A_SECOND, size))


# --- the rehearsal ---


def _rehearse(tools: Tools) -> None:
    """Go the way of a download without network, so that a child finds compiled what it compiles at first use.

    Saves each child a hundred expressions, 5 ms or a tenth of what a small download computes, and 0.5 MB.
    """
    try:
        _play(tools, *_FILM, download=True)
        _play(tools, *_STREAM, download=False)
    except Exception:
        log.warning("the rehearsal of a download failed; downloads start slower", exc_info=True)


def _play(tools: Tools, name: str, content_type: str, content: bytes, *, download: bool) -> None:
    from yt_dlp.networking import Response  # noqa: PLC0415

    from jobs.engine import matching, options  # noqa: PLC0415

    class Offline(matching.Downloader):
        def urlopen(self, request: Any) -> Any:
            """A canned answer, after the preparations for a real one."""
            _ = self._request_director
            headers = {"Content-Type": content_type, "Content-Length": str(len(content)), "Accept-Ranges": "bytes"}
            return Response(io.BytesIO(content), getattr(request, "url", request), headers)

    with tempfile.TemporaryDirectory() as directory:
        request = _request(f"https://warm.invalid/{name}", tools, Path(directory))
        parameters = options.build(request, progress_hook=_ignore, postprocessor_hook=_ignore, logger=_Silence())
        with Offline(parameters | {"postprocessors": []}) as downloader:
            downloader.sanitize_info(downloader.extract_info(request.url, download=download))


def _request(url: str, tools: Tools, work_dir: Path) -> Request:
    return Request(
        job_id="rehearsal",
        url=url,
        options=Options(),
        limits=_LIMITS,
        egress=EgressPolicy(),
        tools=tools,
        work_dir=work_dir,
        default_format="bestvideo*+bestaudio/best",
    )


def _ignore(_status: dict[str, Any]) -> None:
    pass


class _Silence:
    def debug(self, _message: str) -> None:
        pass

    info = warning = error = debug
