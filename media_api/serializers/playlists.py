"""Playlists and channels on the wire: pages of their entries, and requests to download those. Rules stand in
`jobs.playlists`.
"""

import re
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from jobs import selection
from jobs.engine import templates
from jobs.playlists import PLAYLIST_TEMPLATE, ListSubmission, Page
from jobs.selection import Filters, Selection
from jobs.states import BatchKind
from media_api.serializers.base import JarIdField, LinkField, PatternField, StrictSerializer, TextField
from media_api.serializers.batches import GroupOptions

LARGEST_PAGE = 100
LAST_PAGE = 10_000
MOST_DOWNLOADS = 1000
LONGEST_DURATION = 10_000_000  # seconds
MOST_VIEWS = 10**15
TIMEOUT_SECONDS = 3600
CHANNEL_TEMPLATE = "channels/{uploader}/{upload_date}-{title}.{ext}"
FILTERS = tuple(Filters.__dataclass_fields__)
BOUNDS = (("date_after", "date_before"), ("min_duration", "max_duration"), ("min_views", "max_views"))


class DateField(PatternField):
    """A day as YYYYMMDD."""

    pattern = (
        "^(?!0000)(?:[0-9]{4}(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
        "|02(?:0[1-9]|1[0-9]|2[0-8]))|[0-9]{2}(?:0[48]|[2468][048]|[13579][26])0229|(?:[02468][48]|[13579][26])000229|[2468]0000229)$"
    )

    default_error_messages = {"not_a_day": "Write a day as YYYYMMDD, such as 20260131."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not _is_day(text):
            self.fail("not_a_day")
        return text


class ItemsField(PatternField):
    """Numbers and ranges of entries, such as `1-10,15`. That a range ends after it begins, no pattern tells."""

    pattern = rf"^{selection.PART_PATTERN}(?:, ?{selection.PART_PATTERN})*$"

    def to_internal_value(self, data: Any) -> str:
        text = "".join(super().to_internal_value(data).split())
        try:
            selection.check_items(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        return text


def _is_day(text: str) -> bool:
    try:
        return bool(re.fullmatch("[0-9]{8}", text) and datetime.strptime(text, "%Y%m%d"))  # noqa: DTZ007 (no moment)
    except ValueError:
        return False


class SecondsField(serializers.FloatField):
    """A number: to Python, true is one as well."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


def _seconds(meaning: str) -> SecondsField:
    return SecondsField(default=None, allow_null=True, min_value=0, max_value=LONGEST_DURATION, help_text=meaning)


def _views(meaning: str) -> serializers.IntegerField:
    return serializers.IntegerField(default=None, allow_null=True, min_value=0, max_value=MOST_VIEWS, help_text=meaning)


class FilterFields(serializers.Serializer[Any]):
    """Which videos of a channel are wanted. Bounds are inclusive."""

    date_after = DateField(default=None, allow_null=True, help_text="YYYYMMDD: uploaded on that day or later")
    date_before = DateField(default=None, allow_null=True, help_text="YYYYMMDD: uploaded on that day or earlier")
    min_duration = _seconds("seconds")
    max_duration = _seconds("seconds")
    min_views = _views("at least as often seen")
    max_views = _views("at most as often seen")
    sort_by = serializers.ChoiceField(
        selection.SORTS,
        default=None,
        allow_null=True,
        help_text="newest, most seen, longest first; titles from A to Z; the channel's own order when left out",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        checked: dict[str, Any] = super().validate(attrs)
        for least, most in BOUNDS:
            if checked[least] is not None and checked[most] is not None and checked[least] > checked[most]:
                raise serializers.ValidationError({most: [f"This is less than {least}: nothing can be between them."]})
        return checked

    def filters(self) -> Filters:
        """Those that are given."""
        return Filters(**{name: self.validated_data[name] for name in FILTERS})


class PreviewQuery(StrictSerializer):
    """Which playlist, and which page of it."""

    form_fields = frozenset()

    url = LinkField(help_text="of the playlist or feed")
    page = serializers.IntegerField(default=1, min_value=1, max_value=LAST_PAGE)
    limit = serializers.IntegerField(default=20, min_value=1, max_value=LARGEST_PAGE, help_text="items on a page")
    cookies_id = JarIdField(required=False, help_text="a cookie jar of yours")


class ChannelQuery(FilterFields, StrictSerializer):
    """Which channel, which of its videos, and which page of them."""

    form_fields = frozenset()

    url = LinkField(help_text="of the channel or feed")
    page = serializers.IntegerField(default=1, min_value=1, max_value=LAST_PAGE)
    page_size = serializers.IntegerField(default=20, min_value=1, max_value=LARGEST_PAGE)
    cookies_id = JarIdField(required=False, help_text="a cookie jar of yours")

    def selection(self) -> Selection:
        """What filters and order leave of the channel."""
        return Selection(filters=self.filters(), sort_by=self.validated_data["sort_by"])


class ListOptions(GroupOptions):
    """What downloads of playlists and of channels have in common."""

    url = LinkField(help_text="of the playlist, channel or feed")
    skip_downloaded = serializers.BooleanField(
        default=True, help_text="leave out what your archive has: it grows with every finished download"
    )
    concurrent_limit = serializers.IntegerField(
        default=None, allow_null=True, min_value=1, max_value=10, help_text="downloads of it that run at once"
    )
    timeout_sec = serializers.IntegerField(
        default=TIMEOUT_SECONDS, min_value=60, max_value=7200, help_text="seconds for one attempt at one download"
    )

    def listed(self) -> dict[str, Any]:
        """What `ListSubmission` takes from all of them."""
        data = self.validated_data
        return self.shared() | {"url": data["url"], "skip_downloaded": data["skip_downloaded"]}


@extend_schema_serializer(component_name="Playlist")
class PlaylistRequest(ListOptions):
    """A playlist to download: each entry becomes a download of its own."""

    items = ItemsField(
        default=None,
        allow_null=True,
        max_length=selection.MAX_ITEMS_CHARACTERS,
        help_text="numbers and ranges such as `1-10,15`, `-3:` for the last three, `::2` for every second one",
    )
    start = serializers.IntegerField(
        default=None, allow_null=True, min_value=1, max_value=9_999_999, help_text="first entry, from 1"
    )
    end = serializers.IntegerField(
        default=None, allow_null=True, min_value=1, max_value=9_999_999, help_text="last entry"
    )
    reverse_playlist = serializers.BooleanField(default=False, help_text="last entry first; numbers stay the list's")
    path_template = TextField(default=PLAYLIST_TEMPLATE, max_length=templates.MAX_TEMPLATE_CHARACTERS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        checked: dict[str, Any] = super().validate(attrs)
        start, end = checked["start"] or 1, checked["end"]
        if checked["items"] and (start > 1 or end):
            raise serializers.ValidationError({"items": ["Give either items, or start and end."]})
        if end and end < start:
            raise serializers.ValidationError({"end": ["This is before start."]})
        return checked

    def submission(self) -> ListSubmission:
        """What `playlists.submit_list` takes."""
        data = self.validated_data
        has_range = data["start"] or data["end"]
        span = f"{data['start'] or 1}:{data['end'] or ''}" if has_range else ""
        return ListSubmission(
            kind=BatchKind.PLAYLIST,
            items=data["items"] or span,
            is_reversed=data["reverse_playlist"],
            **self.listed(),
        )


@extend_schema_serializer(component_name="Channel")
class ChannelRequest(FilterFields, ListOptions):
    """A channel to download: each video that passes the filters becomes a download of its own."""

    max_downloads = serializers.IntegerField(
        default=None,
        allow_null=True,
        min_value=1,
        max_value=MOST_DOWNLOADS,
        help_text="what was downloaded before does not count",
    )
    path_template = TextField(default=CHANNEL_TEMPLATE, max_length=templates.MAX_TEMPLATE_CHARACTERS)

    def submission(self) -> ListSubmission:
        """What `playlists.submit_list` takes."""
        data = self.validated_data
        return ListSubmission(
            kind=BatchKind.CHANNEL,
            filters=self.filters(),
            sort_by=data["sort_by"],
            max_downloads=data["max_downloads"],
            **self.listed(),
        )


class EntrySerializer(serializers.Serializer[Any]):
    """An entry, as far as its list tells."""

    id = serializers.CharField(allow_null=True)
    title = serializers.CharField(allow_null=True)
    url = serializers.CharField()
    duration = serializers.FloatField(allow_null=True, help_text="seconds")
    view_count = serializers.IntegerField(allow_null=True)
    uploader = serializers.CharField(allow_null=True)
    upload_date = serializers.CharField(allow_null=True, help_text="YYYYMMDD")
    thumbnail = serializers.CharField(allow_null=True)
    playlist_index = serializers.IntegerField(help_text="its number in the list, from 1")


class PagingFields(serializers.Serializer[Page]):
    """Which page it is. Numbers are null where the site does not tell how long the list is."""

    page = serializers.IntegerField(source="number")
    page_size = serializers.IntegerField(source="size")
    total_pages = serializers.SerializerMethodField()
    has_next = serializers.BooleanField()
    has_previous = serializers.SerializerMethodField()
    extractor = serializers.CharField(source="about.extractor", allow_null=True)

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_total_pages(self, page: Page) -> int | None:
        return page.total_pages()

    def get_has_previous(self, page: Page) -> bool:
        return page.number > 1


class PreviewSerializer(PagingFields):
    """A page of a playlist. Needs `url`, the one that was asked for, in its context."""

    url = serializers.SerializerMethodField()
    title = serializers.CharField(source="about.title", allow_null=True)
    uploader = serializers.CharField(source="about.uploader", allow_null=True)
    uploader_id = serializers.CharField(source="about.uploader_id", allow_null=True)
    description = serializers.CharField(source="about.description", allow_null=True)
    total_items = serializers.IntegerField(source="total", allow_null=True)
    items = EntrySerializer(source="entries", many=True)

    def get_url(self, page: Page) -> str:
        return str(self.context["url"])


@extend_schema_serializer(component_name="AppliedFilters")
class AppliedFiltersSerializer(serializers.Serializer[Any]):
    """The filters that were given."""

    date_after = serializers.CharField(required=False)
    date_before = serializers.CharField(required=False)
    min_duration = serializers.FloatField(required=False)
    max_duration = serializers.FloatField(required=False)
    min_views = serializers.IntegerField(required=False)
    max_views = serializers.IntegerField(required=False)
    sort_by = serializers.CharField(required=False)


class ChannelSerializer(PagingFields):
    """A page of a channel's videos. Needs `url` and `filters_applied` in its context."""

    url = serializers.SerializerMethodField()
    channel_id = serializers.SerializerMethodField()
    channel_name = serializers.SerializerMethodField()
    description = serializers.CharField(source="about.description", allow_null=True)
    subscriber_count = serializers.IntegerField(source="about.channel_follower_count", allow_null=True)
    video_count = serializers.IntegerField(source="total_in_list", allow_null=True)
    filtered_video_count = serializers.IntegerField(source="total", allow_null=True)
    unknown_video_count = serializers.IntegerField(
        source="unknown", help_text="videos left out because the list does not tell what a filter asks for"
    )
    videos = EntrySerializer(source="entries", many=True)
    filters_applied = serializers.SerializerMethodField()

    def get_url(self, page: Page) -> str:
        return str(self.context["url"])

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_channel_id(self, page: Page) -> str | None:
        name: str | None = page.about["channel_id"] or page.about["uploader_id"]
        return name

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_channel_name(self, page: Page) -> str | None:
        name: str | None = page.about["uploader"] or page.about["title"]
        return name

    @extend_schema_field(AppliedFiltersSerializer)
    def get_filters_applied(self, page: Page) -> dict[str, Any]:
        return dict(self.context["filters_applied"])
