"""What pages tell, on the wire: formats, metadata, and the metadata of many pages. What a page told is decided in
`jobs.engine.reading`.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from jobs.engine.contract import FailureCode
from jobs.models import Batch, Extraction
from jobs.states import ExtractionState
from media_api.serializers.base import JarIdField, LinkField, LinksField, StrictSerializer
from media_api.serializers.playlists import EntrySerializer

MOST_LINKS = 100
EXPORTS = CSV, JSON = ("csv", "json")
STATUSES = [state.value for state in ExtractionState]  # of a page, and of a batch of pages


class PageQuery(StrictSerializer):
    """The page that is asked about."""

    form_fields = frozenset()

    url = LinkField(help_text="a link that starts with http:// or https://")
    cookies_id = JarIdField(
        required=False, allow_blank=True, help_text="a cookie jar of the caller's, to read the page with"
    )


class MetadataQuery(PageQuery):
    """The page, and the shape of the answer."""

    format = serializers.ChoiceField(EXPORTS, required=False, help_text="as a file of this kind")


class MetadataBatchQuery(StrictSerializer):
    """The shape of the answer."""

    form_fields = frozenset()

    format = serializers.ChoiceField(EXPORTS, required=False, help_text="as a file of this kind")


@extend_schema_serializer(component_name="MetadataBatch")
class MetadataBatchRequest(StrictSerializer):
    """Pages to read together."""

    urls = LinksField(max_length=MOST_LINKS)
    cookies_id = JarIdField(default=None, allow_null=True, help_text="a cookie jar of the caller's")


class FormatSerializer(serializers.Serializer[Any]):
    """One of the formats that a page offers."""

    format_id = serializers.CharField(allow_null=True, help_text="for `custom_format`")
    ext = serializers.CharField(allow_null=True)
    resolution = serializers.CharField(allow_null=True)
    fps = serializers.FloatField(allow_null=True)
    vcodec = serializers.CharField(allow_null=True, help_text="`none` without a picture, null when it is not known")
    acodec = serializers.CharField(allow_null=True, help_text="`none` without sound, null when it is not known")
    filesize = serializers.IntegerField(allow_null=True, help_text="bytes")
    filesize_approx = serializers.IntegerField(allow_null=True, help_text="bytes, estimated")
    tbr = serializers.FloatField(allow_null=True, help_text="kbit/s, of all")
    vbr = serializers.FloatField(allow_null=True, help_text="kbit/s, of the picture")
    abr = serializers.FloatField(allow_null=True, help_text="kbit/s, of the sound")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    format_note = serializers.CharField(allow_null=True)
    quality = serializers.FloatField(allow_null=True, help_text="the site's own rank; higher is better")
    language = serializers.CharField(allow_null=True)
    protocol = serializers.CharField(allow_null=True)
    dynamic_range = serializers.CharField(allow_null=True)


class FormatGroupsSerializer(serializers.Serializer[Any]):
    """The formats by what they hold, the worst first."""

    combined = FormatSerializer(many=True, help_text="picture and sound, or not known to be without one")
    video_only = FormatSerializer(many=True)
    audio_only = FormatSerializer(many=True)


class FormatsSerializer(serializers.Serializer[Any]):
    """The formats that a page offers. A playlist has none: ask about one of its entries."""

    url = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    duration = serializers.FloatField(allow_null=True, help_text="seconds")
    thumbnail = serializers.CharField(allow_null=True)
    formats = FormatGroupsSerializer()
    best_video_format = serializers.CharField(allow_null=True, help_text="a `format_id`")
    best_audio_format = serializers.CharField(allow_null=True, help_text="a `format_id`")
    recommended_format = serializers.CharField(
        allow_null=True, help_text="what a download without options takes, such as `137+140`"
    )
    extractor = serializers.CharField(allow_null=True)
    is_playlist = serializers.BooleanField()


class VideoSerializer(serializers.Serializer[Any]):
    """What a page tells of its video, or of itself when it is a list."""

    title = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_null=True)
    uploader = serializers.CharField(allow_null=True)
    uploader_id = serializers.CharField(allow_null=True)
    upload_date = serializers.CharField(allow_null=True, help_text="YYYYMMDD")
    duration = serializers.FloatField(allow_null=True, help_text="seconds")
    view_count = serializers.IntegerField(allow_null=True)
    like_count = serializers.IntegerField(allow_null=True)
    comment_count = serializers.IntegerField(allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    fps = serializers.FloatField(allow_null=True)
    vcodec = serializers.CharField(allow_null=True)
    acodec = serializers.CharField(allow_null=True)
    thumbnail = serializers.CharField(allow_null=True)
    webpage_url = serializers.CharField(allow_null=True)
    extractor = serializers.CharField(allow_null=True)
    playlist = serializers.CharField(allow_null=True)
    playlist_index = serializers.IntegerField(allow_null=True)
    categories = serializers.ListField(child=serializers.CharField(), allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), allow_null=True)


class ChapterSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(allow_null=True)
    start_time = serializers.FloatField(allow_null=True, help_text="seconds")
    end_time = serializers.FloatField(allow_null=True, help_text="seconds")


class MetadataSerializer(serializers.Serializer[Any]):
    """What a page tells."""

    url = serializers.CharField()
    metadata = VideoSerializer()
    formats_available = serializers.IntegerField(help_text="how many formats there are")
    is_playlist = serializers.BooleanField()
    playlist_count = serializers.IntegerField(allow_null=True, help_text="null when the site does not tell")
    subtitles_available = serializers.ListField(child=serializers.CharField(), help_text="languages")
    automatic_captions = serializers.ListField(child=serializers.CharField(), help_text="languages")
    chapters = ChapterSerializer(many=True)
    is_live = serializers.BooleanField()
    first_entry = EntrySerializer(allow_null=True, help_text="of a playlist")
    extractor = serializers.CharField(allow_null=True)
    extracted_at = serializers.DateTimeField()


class PageSerializer(serializers.Serializer[Extraction]):
    """One page of a metadata batch."""

    position = serializers.IntegerField(help_text="from 1")
    url = serializers.CharField()
    status = serializers.ChoiceField(STATUSES, source="state")
    result = serializers.SerializerMethodField(help_text="once the page was read")
    error = serializers.SerializerMethodField(help_text="a sentence")
    error_code = serializers.SerializerMethodField()

    @extend_schema_field(MetadataSerializer(allow_null=True))
    def get_result(self, page: Extraction) -> dict[str, Any] | None:
        return metadata_of(page) if page.state == ExtractionState.COMPLETED else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, page: Extraction) -> str | None:
        return page.error or None

    @extend_schema_field(serializers.ChoiceField([code.value for code in FailureCode], allow_null=True))
    def get_error_code(self, page: Extraction) -> str | None:
        return page.error_code or None


@extend_schema_serializer(component_name="MetadataBatchStatus")
class MetadataBatchSerializer(serializers.Serializer[Batch]):
    """Pages that are read together. Needs `pages` in its context."""

    batch_id = serializers.CharField(source="public_id")
    status = serializers.ChoiceField(STATUSES, source="state")
    total = serializers.SerializerMethodField()
    completed = serializers.SerializerMethodField()
    failed = serializers.SerializerMethodField()
    running = serializers.SerializerMethodField()
    queued = serializers.SerializerMethodField()
    cancelled = serializers.SerializerMethodField()
    results = serializers.SerializerMethodField(help_text="one for each link, in their order")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    error = serializers.SerializerMethodField(help_text="a sentence")

    def get_total(self, batch: Batch) -> int:
        return len(self.context["pages"])

    def get_completed(self, batch: Batch) -> int:
        return self._count(ExtractionState.COMPLETED)

    def get_failed(self, batch: Batch) -> int:
        return self._count(ExtractionState.FAILED)

    def get_running(self, batch: Batch) -> int:
        return self._count(ExtractionState.RUNNING)

    def get_queued(self, batch: Batch) -> int:
        return self._count(ExtractionState.QUEUED)

    def get_cancelled(self, batch: Batch) -> int:
        return self._count(ExtractionState.CANCELLED)

    @extend_schema_field(PageSerializer(many=True))
    def get_results(self, batch: Batch) -> Any:
        return PageSerializer(self.context["pages"], many=True).data

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, batch: Batch) -> str | None:
        return batch.error or None

    def _count(self, state: ExtractionState) -> int:
        return sum(page.state == state for page in self.context["pages"])


def formats_of(page: Extraction, found: dict[str, Any]) -> dict[str, Any]:
    """The answer about formats."""
    metadata, formats = found["metadata"], found["formats"]
    groups: dict[str, list[dict[str, Any]]] = {"combined": [], "video_only": [], "audio_only": []}
    for one in formats:
        if (group := _group(one)) is not None:
            groups[group].append(one)
    with_picture = [one for one in formats if one["vcodec"] != "none" and _group(one)]
    with_sound = groups["audio_only"] or [one for one in groups["combined"] if one["acodec"] != "none"]
    told = {
        "url": page.url,
        **{name: metadata.get(name) for name in ("title", "duration", "thumbnail", "extractor")},
        "formats": groups,
        "best_video_format": with_picture[-1]["format_id"] if with_picture else None,
        "best_audio_format": with_sound[-1]["format_id"] if with_sound else None,
        "recommended_format": found["chosen_format"],
        "is_playlist": found["is_playlist"],
    }
    return dict(FormatsSerializer(told).data)


def metadata_of(page: Extraction) -> dict[str, Any]:
    """The answer about a page that was read."""
    found = page.answer or {}
    told = {
        "url": page.url,
        "metadata": found["metadata"],
        "formats_available": sum(_group(one) is not None for one in found["formats"]),
        "subtitles_available": sorted(found["subtitles"]),
        "automatic_captions": sorted(found["automatic_captions"]),
        "extractor": found["metadata"].get("extractor"),
        "extracted_at": page.completed_at,
        **{name: found[name] for name in ("is_playlist", "playlist_count", "chapters", "is_live", "first_entry")},
    }
    return dict(MetadataSerializer(told).data)


def _group(one: dict[str, Any]) -> str | None:
    """Where a format belongs; None for what is neither picture nor sound, such as previews of a seek bar."""
    has_picture, has_sound = one["vcodec"] != "none", one["acodec"] != "none"
    if has_picture and has_sound:
        return "combined"
    return "video_only" if has_picture else "audio_only" if has_sound else None
