"""What people may choose from, in their words. Values are the wire's."""

from django.utils.translation import gettext_lazy as _

from jobs.engine import rules

QUALITIES = (
    ("best", _("Best")),
    ("4k", "4K"),
    ("1440p", "1440p"),
    ("1080p", "1080p"),
    ("720p", "720p"),
    ("480p", "480p"),
    ("360p", "360p"),
    ("audio", _("Audio")),
)
HEIGHTS = {"4k": 2160, "1440p": 1440, "1080p": 1080, "720p": 720, "480p": 480, "360p": 360}
VIDEO_FORMATS = tuple((name, name.upper()) for name in ("mp4", "mkv", "webm", "mov", "avi", "flv"))
AUDIO_FORMATS = (
    *((name, name.upper()) for name in ("mp3", "m4a", "flac", "wav", "aac")),
    ("opus", "Opus"),
    ("vorbis", "Vorbis"),
)
AUDIO_QUALITIES = (("best", _("Best")), *((rate, f"{rate} kbit/s") for rate in ("320", "256", "192", "128", "96")))
SUBTITLE_FORMATS = tuple((name, name.upper()) for name in ("srt", "vtt", "ass", "lrc"))
SUBTITLE_PLACES = (("beside", _("Files beside it")), ("within", _("In the file")), ("both", _("Both")))
SPONSOR_WORDS = {
    "sponsor": _("Sponsors"),
    "intro": _("Intros"),
    "outro": _("Endings"),
    "selfpromo": _("Own advertising"),
    "preview": _("Previews"),
    "filler": _("Fillers"),
    "interaction": _("Calls to subscribe"),
    "music_offtopic": _("Parts without music"),
    "hook": _("Teasers"),
}
SPONSOR_PARTS = tuple((name, SPONSOR_WORDS.get(name, name)) for name in rules.REMOVABLE_CATEGORIES)
PRIORITIES = tuple(
    (str(number), {9: _("9, first"), 5: _("5, as usual"), 0: _("0, last")}.get(number, str(number)))
    for number in range(9, -1, -1)
)
