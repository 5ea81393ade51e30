"""What download options mean apart from yt-dlp: times as people write them, names of categories, and which options
contradict each other. Pure.
"""

import math
import re
from collections.abc import Iterator

from jobs.engine.contract import Options

MAX_CLIP_SECONDS = 359_999.0  # 99:59:59
MIN_RATE_BPS = 1024
MAX_RATE_BPS = 10**10
SPONSORBLOCK_URL = "https://sponsor.ajay.app"

# yt-dlp's names. What is a point or a chapter can be marked, but there is nothing to remove.
REMOVABLE_CATEGORIES = (
    *("sponsor", "intro", "outro", "selfpromo", "preview", "filler", "interaction", "music_offtopic", "hook"),
)
CATEGORIES = (*REMOVABLE_CATEGORIES, "poi_highlight", "chapter")

TIME_PATTERN = (
    r"(?:[0-9]{1,2}:[0-5][0-9]:[0-5][0-9]|[0-9]{1,3}:[0-5][0-9]|[0-2]?[0-9]{1,5}|3[0-5][0-9]{4})(?:\.[0-9]{1,3})?"
)
_TIME = re.compile(TIME_PATTERN)
WITHOUT_SUBTITLES = ("avi", "flv")
LIVE_SHARE = 0.9  # of an attempt's time; the rest is for what comes before and after


def seconds(value: object) -> float:
    """A time as a number of seconds, or as text: `90`, `1:30`, `00:01:30.5`. Raises ValueError."""
    number: float
    if isinstance(value, str) and _TIME.fullmatch(value.strip()):
        number = sum(float(part) * 60.0**power for power, part in enumerate(reversed(value.strip().split(":"))))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    else:
        raise ValueError("A time is a number of seconds, or text such as 1:30 or 00:01:30.5.")
    if not 0 <= number <= MAX_CLIP_SECONDS:  # nor is NaN
        raise ValueError("A time lies between 0 and 99:59:59.")
    return float(number)


def is_audio(options: Options) -> bool:
    """Does the request ask for sound alone?"""
    return options.audio_only or options.quality in ("audio", "audio_only")


def contradictions(options: Options, *, attempt_seconds: float, live_seconds: float | None) -> dict[str, str]:
    """Which option cannot be meant, given the others, and why. Empty when all is well.

    `attempt_seconds` is the time that an attempt gets when the options name none, `live_seconds` the installation's
    bound for recordings.
    """
    found: dict[str, str] = {}
    for field, message in (
        *_of_clips(options),
        *_of_contents(options),
        *_of_live(options, attempt_seconds, live_seconds),
    ):
        found.setdefault(field, message)
    return found


def recording_seconds(options: Options, *, attempt_seconds: float, live_seconds: float | None) -> float:
    """How long a live stream is recorded at most: as asked, as the installation allows, as the attempt can."""
    bounds = (options.max_live_duration_sec, live_seconds, attempt_seconds * LIVE_SHARE)
    return float(min(bound for bound in bounds if bound))


def _of_clips(options: Options) -> Iterator[tuple[str, str]]:
    start, end = options.clip_start, options.clip_end
    if end is not None and end <= (start or 0):
        yield "clip_end", "A section ends after it begins: clip_end must be greater than clip_start."
    if options.is_clip and (options.live_from_start or options.max_live_duration_sec is not None):
        field = "clip_start" if start else "clip_end"
        yield field, "A section is cut out of finished media; it cannot be combined with options for live streams."


def _of_contents(options: Options) -> Iterator[tuple[str, str]]:
    if options.embed_subtitles and not is_audio(options) and options.video_format in WITHOUT_SUBTITLES:
        yield "embed_subtitles", f"{options.video_format} holds no subtitles; choose mp4, mkv, mov or webm."
    if both := sorted(set(options.sponsorblock_mark) & set(options.sponsorblock_remove)):
        yield "sponsorblock_mark", f"What is removed cannot be marked too: {', '.join(both)}."


def _of_live(options: Options, attempt_seconds: float, live_seconds: float | None) -> Iterator[tuple[str, str]]:
    wanted = options.max_live_duration_sec
    if wanted is None:
        return
    time = options.timeout_sec or attempt_seconds
    if live_seconds and wanted > live_seconds:
        yield "max_live_duration_sec", f"Live streams are recorded for at most {live_seconds:g} s here."
    elif wanted > time * LIVE_SHARE:
        needed = math.ceil(wanted / LIVE_SHARE)
        message = f"A recording of {wanted} s does not fit into an attempt of {time:g} s; set timeout_sec to {needed}."
        yield "max_live_duration_sec", message
