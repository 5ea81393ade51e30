"""Whose an unexpected exception is: the service's, a site's own extractor's, or that of what some site sent."""

import traceback

from jobs.engine.failures import causes

# What parsers raise that trip over nonsense. Not MemoryError and OSError, which are this machine's.
_TRIPPED = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_ANY_PAGE = "yt_dlp.extractor.generic"  # it asks others, too, what they make of a page that is none of their site


def is_of_what_was_sent(error: BaseException) -> bool:
    """Whether yt-dlp tripped over a page or list in a public format, such as an HLS list with letters for numbers.

    Where the extractor of one site trips, the site has changed, and the operator should know: that is not meant.
    """
    return any(isinstance(cause, _TRIPPED) and _is_of_public_formats(cause) for cause in causes(error))


def _is_of_public_formats(error: BaseException) -> bool:
    names = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    modules = [name for name in names if name.startswith(("jobs.", "yt_dlp."))]
    if not modules or modules[-1].startswith("jobs.") or any(map(_runs_programs, modules)):
        return False
    return _ANY_PAGE in modules or not any(module.startswith("yt_dlp.extractor.") for module in modules)


def _runs_programs(module: str) -> bool:
    """There it is ffmpeg's and ffprobe's answers that make no sense."""
    return module.startswith("yt_dlp.postprocessor.")
