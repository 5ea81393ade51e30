"""What a download makes of the media, on the wire: the options that every request which starts downloads has.

Where results go, who may fetch and who is told stands in `serializers.downloads`; what options mean, in `jobs.engine`.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.engine import options as engine_options
from jobs.engine import rules
from jobs.engine.contract import Options
from media_api.serializers.base import PatternField, StrictSerializer, TextField

DEFAULTS = Options()
QUALITIES = ("best", "4k", "1440p", "1080p", "720p", "480p", "360p", "audio", "audio_only")
VIDEO_FORMATS = ("mp4", "mkv", "webm", "avi", "mov", "flv")
AUDIO_FORMATS = ("mp3", "m4a", "flac", "wav", "opus", "aac", "vorbis")
AUDIO_QUALITIES = ("96", "128", "192", "256", "320", "best")
SUBTITLE_FORMATS = ("srt", "vtt", "ass", "lrc")


class LanguageField(PatternField):
    """A subtitle language such as `en`, `en-US` or `zh-Hans`."""

    pattern = f"^(?![Aa][Ll][Ll]$){engine_options.LANGUAGE_PATTERN}$"

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        check(engine_options.check_subtitle_language, code)
        return code


@extend_schema_field(
    {
        "oneOf": [
            {"type": "number", "minimum": 0, "maximum": rules.MAX_CLIP_SECONDS},
            {"type": "string", "pattern": f"^{rules.TIME_PATTERN}$"},
        ],
        "nullable": True,
    }
)
class TimeField(serializers.Field[float, Any, float, Any]):
    """A time within the media: seconds, or text such as `1:30`."""

    def to_internal_value(self, data: Any) -> float:
        try:
            return rules.seconds(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: float) -> float:
        return value


class MediaOptions(StrictSerializer):
    """What is fetched, and what is made of it."""

    quality = serializers.ChoiceField(
        QUALITIES,
        default=DEFAULTS.quality,
        help_text="the best picture up to this height, or the smallest there is; `audio` (`audio_only` means the same) "
        "takes the sound alone",
    )
    custom_format = TextField(
        default=None,
        allow_null=True,
        max_length=engine_options.MAX_SELECTOR_CHARACTERS,
        help_text="a yt-dlp format selector; overrides `quality`",
    )
    video_format = serializers.ChoiceField(
        VIDEO_FORMATS,
        default=DEFAULTS.video_format,
        help_text="container; streams are never encoded anew: those that do not fit stay in the container they came in",
    )
    audio_only = serializers.BooleanField(default=DEFAULTS.audio_only, help_text="like the quality `audio`")
    audio_format = serializers.ChoiceField(
        AUDIO_FORMATS, default=DEFAULTS.audio_format, help_text="of sound alone; `aac` comes in an m4a file"
    )
    audio_quality = serializers.ChoiceField(
        AUDIO_QUALITIES, default=DEFAULTS.audio_quality, help_text="of sound alone: kbit/s, or `best`"
    )
    download_subtitles = serializers.BooleanField(
        default=DEFAULTS.download_subtitles, help_text="subtitles as files beside the media"
    )
    subtitle_languages = serializers.ListField(
        child=LanguageField(max_length=35),
        default=lambda: list(DEFAULTS.subtitle_languages),
        min_length=1,
        max_length=20,
        help_text="`en` alone when left out; those that do not exist are named in the log",
    )
    subtitle_format = serializers.ChoiceField(
        SUBTITLE_FORMATS, default=DEFAULTS.subtitle_format, help_text="of the files beside the media"
    )
    embed_subtitles = serializers.BooleanField(
        default=DEFAULTS.embed_subtitles, help_text="subtitles within the media; avi and flv hold none"
    )
    auto_subtitles = serializers.BooleanField(
        default=DEFAULTS.auto_subtitles,
        help_text="take those that the site's machines wrote, where there are no others",
    )
    write_thumbnail = serializers.BooleanField(
        default=DEFAULTS.write_thumbnail, help_text="the thumbnail as a file beside the media"
    )
    embed_thumbnail = serializers.BooleanField(
        default=DEFAULTS.embed_thumbnail, help_text="the thumbnail as a cover within the media, where it holds one"
    )
    embed_metadata = serializers.BooleanField(
        default=DEFAULTS.embed_metadata, help_text="title, author, date and chapters within the media"
    )
    write_info_json = serializers.BooleanField(
        default=DEFAULTS.write_info_json, help_text="everything that the site tells, as a JSON file beside the media"
    )
    clip_start = TimeField(
        default=None, allow_null=True, help_text="cut a section: where it begins, in seconds or as `[HH:]MM:SS`"
    )
    clip_end = TimeField(
        default=None, allow_null=True, help_text="cut a section: where it ends, in seconds or as `[HH:]MM:SS`"
    )
    sponsorblock_remove = serializers.ListField(
        child=serializers.ChoiceField(rules.REMOVABLE_CATEGORIES),
        default=list,
        max_length=len(rules.REMOVABLE_CATEGORIES),
        help_text="parts to cut out, as SponsorBlock knows them; YouTube only",
    )
    sponsorblock_mark = serializers.ListField(
        child=serializers.ChoiceField(rules.CATEGORIES),
        default=list,
        max_length=len(rules.CATEGORIES),
        help_text="parts to mark as chapters, as SponsorBlock knows them; YouTube only",
    )
    split_chapters = serializers.BooleanField(
        default=DEFAULTS.split_chapters, help_text="each chapter as a file of its own, besides the whole"
    )
    live_from_start = serializers.BooleanField(
        default=DEFAULTS.live_from_start, help_text="record a live stream from the earliest moment that the site offers"
    )
    max_live_duration_sec = serializers.IntegerField(
        default=None,
        allow_null=True,
        min_value=1,
        max_value=int(settings.LONGEST_JOB_SECONDS * rules.LIVE_SHARE),
        help_text="seconds after which the recording of a live stream ends, successfully; must fit into `timeout_sec`",
    )
    rate_limit_bps = serializers.IntegerField(
        default=None,
        allow_null=True,
        min_value=rules.MIN_RATE_BPS,
        max_value=rules.MAX_RATE_BPS,
        help_text="bytes a second that the transfer takes at most",
    )

    def validate_quality(self, value: str) -> str:
        return "audio" if value == "audio_only" else value

    def validate_custom_format(self, value: str | None) -> str | None:
        if value is not None:
            check(engine_options.check_format_selector, value)
        return value


def check(rule: Callable[[str], object], value: str) -> None:
    """A rule's ValueError as what is wrong with the field."""
    try:
        rule(value)
    except ValueError as error:
        raise serializers.ValidationError(str(error)) from error
