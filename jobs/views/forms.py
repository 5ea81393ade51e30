"""What people fill in to start downloads: links, and how they want them. Which links are allowed here, and what a list
holds, is the services' business.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.models import User
from jobs import batch_services, picking, playlists
from jobs.engine import options as engine_options
from jobs.engine import rules, templates
from jobs.engine.contract import Options
from jobs.models import DEFAULT_PRIORITY
from jobs.views.choices import (
    AUDIO_FORMATS,
    AUDIO_QUALITIES,
    PRIORITIES,
    QUALITIES,
    SPONSOR_PARTS,
    SUBTITLE_FORMATS,
    SUBTITLE_PLACES,
    VIDEO_FORMATS,
)
from jobs.views.sentences import said

MOST_LINKS = 100
LARGEST_FILE_BYTES = 256 * 1024
AUTOMATIC = "auto:"  # before the language of captions that the site's machines wrote
PATHS = {
    "one": Options().path_template,
    "links": batch_services.PATH_TEMPLATE,
    "list": playlists.PLAYLIST_TEMPLATE,
}
CHOICES_COOKIE = "choices"  # how somebody wanted the last download, offered for the next one
NOT_REMEMBERED = frozenset(
    {"url", "file", "whole_list", "items", "skip_downloaded", "clip_start", "clip_end", "cookies_id"}
)


class LanguagesField(forms.Field):
    """Languages of subtitles: ticked ones, or codes that somebody wrote, or both."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[str]:
        codes = [code for text in value or () for code in re.split(r"[\s,;]+", text) if code]
        for code in codes:
            _checked(engine_options.check_subtitle_language, code.removeprefix(AUTOMATIC))
        if len(codes) > 20:
            raise ValidationError(_("Choose at most 20 languages."))
        return list(dict.fromkeys(codes))


class TimeField(forms.CharField):
    """A moment within the media: seconds, or text such as 1:30."""

    def clean(self, value: Any) -> float | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return rules.seconds(text)
        except ValueError as error:
            raise ValidationError(said(error)) from error


def _choice(label: Any, choices: Iterable[Any], initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, initial=initial, required=False)


def _switch(label: Any, *, initial: bool = False, help_text: Any = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, initial=initial, required=False, help_text=help_text)


def _time(label: Any, example: str) -> TimeField:
    attributes = {"placeholder": example, "autocomplete": "off", "inputmode": "text"}
    return TimeField(label=label, required=False, max_length=20, widget=forms.TextInput(attrs=attributes))


class OptionsForm(forms.Form):
    """How somebody wants downloads. What is left out is as it would be without a choice."""

    quality = forms.ChoiceField(label=_("Quality"), choices=QUALITIES, initial="best", widget=forms.RadioSelect)
    subtitles = LanguagesField(label=_("Subtitles"), required=False)
    video_format = _choice(_("Container"), VIDEO_FORMATS, "mp4")
    audio_format = _choice(_("Format of sound alone"), AUDIO_FORMATS, "mp3")
    audio_quality = _choice(_("Bitrate of sound alone"), AUDIO_QUALITIES, "192")
    subtitle_format = _choice(_("Format of subtitles"), SUBTITLE_FORMATS, "srt")
    subtitle_place = _choice(_("Where subtitles go"), SUBTITLE_PLACES, "beside")
    embed_metadata = _switch(_("Title, author and chapters in the file"), initial=True)
    embed_thumbnail = _switch(_("Picture as a cover in the file"))
    write_thumbnail = _switch(_("Picture as a file of its own"))
    write_info_json = _switch(_("Everything the site tells, as JSON"))
    split_chapters = _switch(_("Each chapter as a file, too"))
    clip_start = _time(_("Cut from"), "0:00")
    clip_end = _time(_("Cut to"), "1:30")
    sponsorblock_remove = forms.MultipleChoiceField(
        label=_("Leave out, as SponsorBlock knows it"),
        choices=SPONSOR_PARTS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("YouTube only"),
    )
    priority = _choice(_("Priority"), PRIORITIES, str(DEFAULT_PRIORITY))
    cookies_id = _choice(_("Cookies"), (), "")
    custom_format = forms.CharField(
        label=_("Format selector"),
        required=False,
        max_length=engine_options.MAX_SELECTOR_CHARACTERS,
        help_text=_("as yt-dlp writes it; overrides the quality"),
        widget=forms.TextInput(attrs={"placeholder": "bv*[height<=720]+ba/b", "spellcheck": "false"}),
    )
    path_template = forms.CharField(
        label=_("Path in the storage"),
        required=False,
        max_length=templates.MAX_TEMPLATE_CHARACTERS,
        help_text=_("empty for the usual one"),
        widget=forms.TextInput(attrs={"placeholder": PATHS["one"], "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        jars: Any = [(jar.public_id, jar.name) for jar in user.cookie_jars.only("public_id", "name")]
        field: Any = self.fields["cookies_id"]
        field.choices = [("", _("None")), *jars]
        self.has_jars = bool(jars)

    def clean_custom_format(self) -> str:
        return _checked(engine_options.check_format_selector, self.cleaned_data["custom_format"])

    def clean_path_template(self) -> str:
        return _checked(templates.check, self.cleaned_data["path_template"])

    def clean(self) -> dict[str, Any]:
        """What contradicts something else is refused as in the API."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            for name, message in self._contradictions().items():
                self.add_error({"embed_subtitles": "subtitle_place"}.get(name, name), said(message))
        return cleaned

    def options(self, *, kind: str = "one") -> Options:
        """What a valid form asks for; `kind` is one of PATHS."""
        told = self.cleaned_data
        languages = [code.removeprefix(AUTOMATIC) for code in told["subtitles"]]
        chosen: dict[str, Any] = {
            "subtitle_languages": tuple(dict.fromkeys(languages)) or Options().subtitle_languages,
            "download_subtitles": bool(languages) and told["subtitle_place"] != "within",
            "embed_subtitles": bool(languages) and told["subtitle_place"] in ("within", "both"),
            "auto_subtitles": any(code.startswith(AUTOMATIC) for code in told["subtitles"]),
            "sponsorblock_remove": tuple(told["sponsorblock_remove"]),
            "custom_format": told["custom_format"] or None,
            "path_template": told["path_template"] or PATHS[kind],
        }
        plain = ("quality", "embed_metadata", "embed_thumbnail", "write_thumbnail", "write_info_json", "split_chapters")
        chosen |= {name: told[name] for name in (*plain, "clip_start", "clip_end")}
        # What a request leaves out is as usual: people who write requests by hand need not name everything.
        formats = ("video_format", "audio_format", "audio_quality", "subtitle_format")
        return Options(**chosen, **{name: told[name] for name in formats if told[name]})

    def priority_chosen(self) -> int:
        return int(self.cleaned_data["priority"] or DEFAULT_PRIORITY)

    def choices_made(self) -> dict[str, Any]:
        """What is worth remembering of a valid form, as it was sent."""
        names = [name for name in self.fields if name not in NOT_REMEMBERED]
        return {name: self.fields[name].widget.value_from_datadict(self.data, {}, name) for name in names}

    @property
    def has_advanced_errors(self) -> bool:
        return bool(set(self.errors) - {"url", "file", "quality", "items", "__all__"})

    def _contradictions(self) -> Mapping[str, str]:
        return rules.contradictions(
            self.options(),
            attempt_seconds=settings.YTDLP_TIMEOUT,
            live_seconds=settings.MAX_LIVE_DURATION_SECONDS or None,
        )


class AskForm(OptionsForm):
    """One link or many, and how somebody wants them."""

    url = forms.CharField(
        label=_("Links"),
        required=False,
        max_length=LARGEST_FILE_BYTES,
        widget=forms.Textarea(
            attrs={
                "rows": 1,
                "placeholder": "https://",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "url",
                "autofocus": True,
                "hx-post": reverse_lazy("jobs:look"),
                "hx-trigger": "input changed delay:400ms",
                "hx-target": "#look",
                "hx-sync": "this:replace",
                "hx-encoding": "unset",
            }
        ),
    )
    file = forms.FileField(
        label=_("Text file with links"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".txt,text/plain"}),
    )
    whole_list = forms.BooleanField(required=False)

    def clean_url(self) -> list[str]:
        return links_in(self.cleaned_data["url"])

    def clean_file(self) -> list[str]:
        file = self.cleaned_data["file"]
        if file is None:
            return []
        if file.size > LARGEST_FILE_BYTES:
            raise ValidationError(_("This file is too large for a list of links."))
        try:
            return links_in(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError(_("This file is not text. Save the links as a .txt file in UTF-8.")) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not {"url", "file"} & set(self.errors):
            links = self.links()
            if not links:
                self.add_error("url", _("Paste a link first."))
            elif len(links) > MOST_LINKS:
                self.add_error("url", _too_many(len(links)))
        return cleaned

    def links(self) -> list[str]:
        """Those of the field and of the file, each once."""
        return list(dict.fromkeys([*self.cleaned_data["url"], *self.cleaned_data["file"]]))


class PickForm(OptionsForm):
    """Entries of a list, and how somebody wants them."""

    url = forms.CharField(max_length=settings.LONGEST_URL, widget=forms.HiddenInput)
    items = forms.CharField(
        label=_("Chosen entries"),
        max_length=picking.MAX_ITEMS_CHARACTERS,
        error_messages={"required": _("Choose at least one entry.")},
        widget=forms.TextInput(attrs={"placeholder": "1-10,15", "autocomplete": "off", "inputmode": "numeric"}),
    )
    skip_downloaded = forms.BooleanField(
        label=_("Leave out what I have downloaded before"), required=False, initial=True
    )

    def clean_items(self) -> str:
        try:
            return picking.check_items(self.cleaned_data["items"])
        except ValueError as error:
            raise ValidationError(said(error)) from error


def links_in(text: str) -> list[str]:
    """One a line, or with spaces between them; lines that begin with # are remarks. People leave the scheme out."""
    lines = (line.strip() for line in text.splitlines())
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    return [word if "://" in word else f"https://{word}" for word in words]


def _checked(rule: Any, value: str) -> str:
    """A rule's ValueError as what is wrong with the field."""
    try:
        if value:
            rule(value)
    except ValueError as error:
        raise ValidationError(said(error)) from error
    return value


def _too_many(count: int) -> Any:
    sentence = ngettext_lazy(
        "At most %(most)d links at once; this is %(count)d.",
        "At most %(most)d links at once; these are %(count)d.",
        count,
    )
    return sentence % {"most": MOST_LINKS, "count": count}
