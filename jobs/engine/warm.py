"""What every child would otherwise do anew: import yt-dlp, compile expressions, load certificates, ask for versions.

Done once in the worker's main process. A child works without it too, but starts 0.8 s later and shares less memory.
"""

import functools
import gc
import importlib
import platform
from collections.abc import Mapping
from typing import Any

from jobs.engine.contract import Tools

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


def warm(tools: Tools) -> None:
    """Prepare this process, from which workers and then children are forked. Takes about a second; call it once."""
    for module in _LATE_MODULES:
        importlib.import_module(module)
    importlib.import_module("jobs.engine.postprocessing").register()
    _share_tls_contexts()
    _compile_extractors()
    versions(tools)
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page


@functools.cache
def extractors() -> tuple[Any, ...]:
    """The extractor classes that yt-dlp's `allowed_extractors=["default"]` selects, in its order.

    Selecting them by name, as yt-dlp does for every YoutubeDL object, takes 40 ms.
    """
    from yt_dlp.extractor import gen_extractor_classes  # noqa: PLC0415

    return tuple(extractor for extractor in gen_extractor_classes() if extractor._ENABLED)


@functools.cache
def versions(tools: Tools) -> Mapping[str, str]:
    """The versions at work, for a result's provenance. Asking ffmpeg takes 0.1 s; yt-dlp, too, keeps the answer."""
    from yt_dlp import YoutubeDL  # noqa: PLC0415
    from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor  # noqa: PLC0415
    from yt_dlp.version import __version__  # noqa: PLC0415

    downloader = YoutubeDL({"quiet": True, "ffmpeg_location": str(tools.ffmpeg.parent)}, auto_init=False)
    found = FFmpegPostProcessor.get_versions(downloader)
    return {"yt_dlp": __version__, "ffmpeg": str(found.get("ffmpeg") or ""), "python": platform.python_version()}


def _share_tls_contexts() -> None:
    """Load the certificate authorities once (20 ms, 4 MB) and not for every request handler of every child."""
    from yt_dlp.networking import common  # noqa: PLC0415

    if not hasattr(common.make_ssl_context, "cache_info"):
        common.make_ssl_context = functools.cache(common.make_ssl_context)
    common.make_ssl_context(verify=True, legacy_support=False, use_certifi=True)


def _compile_extractors() -> None:
    for extractor in extractors():
        extractor.suitable("https://warm.invalid/")
