"""What a page that was read offers to somebody who wants to download it: qualities with sizes, languages. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from jobs.views.choices import HEIGHTS, QUALITIES

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Format = Mapping[str, Any]


@dataclass(frozen=True)
class Offer:
    """A quality to choose. `size_bytes` is an estimate, None when the site tells too little."""

    value: str
    label: "StrOrPromise"
    detail: "StrOrPromise" = ""
    size_bytes: int | None = None


@dataclass(frozen=True)
class Language:
    """Subtitles in a language, under the code that the site gives."""

    code: str
    name: str


_DETAILS: Mapping[str, "StrOrPromise"] = {
    "best": _("highest"),
    "1080p": "Full HD",
    "720p": "HD",
    "360p": _("small"),
}
_LABELS: Mapping[str, "StrOrPromise"] = dict(QUALITIES)
GENERAL = tuple(Offer(value, label, _DETAILS.get(value, "")) for value, label in _LABELS.items())


def qualities(answer: Mapping[str, Any], *, keep: str = "") -> tuple[Offer, ...]:
    """The qualities that differ for this page, with estimated sizes; the general ones if it tells no formats.

    `keep` is offered in any case: what somebody always takes is not lost by a page that has less.
    """
    formats: Sequence[Format] = answer["formats"]
    if not formats:
        return GENERAL
    duration = answer["metadata"]["duration"]
    pictures = [one for one in formats if _has(one, "vcodec") and one["height"]]
    sound = size_of(_best_sound(formats), duration)
    heights = {one["height"] for one in pictures}
    highest = max(heights, default=0)
    best = _size(pictures, highest, sound, duration) if pictures else None if _has_pictures(formats) else sound
    steps = [
        Offer(value, _LABELS[value], "", _size(pictures, height, sound, duration))
        for value, height in HEIGHTS.items()
        if value == keep or any(_step(found) == height for found in heights)
    ]
    audio = Offer("audio", _LABELS["audio"], "", sound)
    return (Offer("best", _LABELS["best"], f"{highest}p" if highest else "", best), *steps, audio)


def subtitles(answer: Mapping[str, Any]) -> list[Language]:
    """The languages that people wrote subtitles in."""
    return [Language(code, language_name(code)) for code in answer["subtitles"] if code != "live_chat"]


def captions(answer: Mapping[str, Any]) -> list[Language]:
    """The languages that only the site's machines wrote captions in."""
    written = answer["subtitles"]
    return [Language(code, language_name(code)) for code in answer["automatic_captions"] if code not in written]


def language_name(code: str) -> str:
    """A language's own name; its code where none is known."""
    try:
        return str(get_language_info(code.lower())["name_local"]).capitalize()
    except KeyError:
        return code


def size_of(one: Format | None, duration: float | None) -> int | None:
    """Bytes of a format: as declared, or from its bitrate."""
    if one is None:
        return None
    declared = one["filesize"] or one["filesize_approx"]
    rate = one["tbr"] or (one["vbr"] or 0) + (one["abr"] or 0)
    if declared:
        return int(declared)
    return int(rate * 1000 / 8 * duration) if rate and duration else None


def _size(pictures: Sequence[Format], height: int, sound: int | None, duration: float | None) -> int | None:
    """Of the best picture up to this height, with the sound that it lacks."""
    picture = _up_to(pictures, height)
    size = size_of(picture, duration)
    if size is None or picture is None or _has(picture, "acodec"):
        return size
    return size + (sound or 0)


def _up_to(pictures: Sequence[Format], height: int) -> Format | None:
    """The best picture up to this height, as downloads choose it; formats come the worst first."""
    fitting = [one for one in pictures if one["height"] <= height]
    return max(fitting, key=lambda one: one["height"] * 10_000 + (one["tbr"] or 0) / 1000, default=None)


def _best_sound(formats: Sequence[Format]) -> Format | None:
    alone = [one for one in formats if _has(one, "acodec") and not _has(one, "vcodec")]
    return alone[-1] if alone else None


def _step(found: int) -> int:
    """The lowest of our steps that shows all of a picture."""
    return min((height for height in HEIGHTS.values() if height >= found), default=max(HEIGHTS.values()))


def _has_pictures(formats: Sequence[Format]) -> bool:
    return any(_has(one, "vcodec") for one in formats)


def _has(one: Format, codec: str) -> bool:
    """What a site does not tell counts as there."""
    return bool(one[codec] != "none")
