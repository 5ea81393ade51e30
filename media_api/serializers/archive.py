"""The archive on the wire: entries, pages of them, and the text that yt-dlp writes. Rules stand in `jobs.archive`."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from jobs.models import ArchiveEntry
from media_api.serializers.base import CursorField, StrictSerializer, TextField


class ArchiveEntrySerializer(serializers.Serializer[ArchiveEntry]):
    """A video that was downloaded."""

    extractor = serializers.CharField(help_text="yt-dlp's name for the site, lower case")
    id = serializers.CharField(source="video_id", help_text="what the site calls the video")
    created_at = serializers.DateTimeField()


@extend_schema_serializer(many=False)
class ArchivePage(serializers.Serializer[Any]):
    """A page of the archive."""

    results = ArchiveEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ArchiveQuery(StrictSerializer):
    """How much of the archive, and in which form."""

    form_fields = frozenset()

    format = serializers.ChoiceField(("json", "txt"), default="json", help_text="`txt` for yt-dlp's archive.txt, whole")
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=100, help_text="entries on a page; default 20"
    )
    cursor = CursorField()


class ArchiveText(StrictSerializer):
    """An archive.txt as the body."""

    text = TextField()


class ArchiveFile(StrictSerializer):
    """An archive.txt in a form."""

    file = serializers.FileField(help_text="one line a video: the extractor, a space, the id")

    def validate_file(self, file: Any) -> str:
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise serializers.ValidationError("The file is not text in UTF-8.") from error


class ImportedSerializer(serializers.Serializer[Any]):
    """What an import changed."""

    added = serializers.IntegerField(help_text="entries that are new")
    known = serializers.IntegerField(help_text="entries that were there already")
    skipped = serializers.IntegerField(help_text="lines that begin with #: comments")
    total = serializers.IntegerField(help_text="entries that the archive has now")


class RemovedSerializer(serializers.Serializer[Any]):
    """What was removed."""

    id = serializers.CharField()
    resource_type = serializers.CharField()
    status = serializers.CharField()
    message = serializers.CharField()
    timestamp = serializers.DateTimeField()
