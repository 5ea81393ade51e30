"""`/api/v1/archive`: what the caller has downloaded, in yt-dlp's terms, so that playlists leave it out."""

from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from accounts.authentication import caller
from jobs import archive
from jobs.errors import NotFound
from jobs.models import ArchiveEntry
from media_api.errors import Code
from media_api.examples import archive as examples
from media_api.pagination import NewestFirst
from media_api.parsers import PlainTextParser
from media_api.serializers.archive import (
    ArchiveEntrySerializer,
    ArchiveFile,
    ArchivePage,
    ArchiveQuery,
    ArchiveText,
    ImportedSerializer,
    RemovedSerializer,
)
from media_api.views.base import ApiViewSet


class Archive(ApiViewSet):
    """The archive of finished downloads, one for each caller."""

    tag = "archive"
    missing = Code.NOT_FOUND
    parser_classes = (PlainTextParser, MultiPartParser)
    can_fail_with = {"list": (Code.VALIDATION_ERROR,)}

    @extend_schema(
        operation_id="list_archive",
        summary="Look at the archive, or export it",
        description="Newest first; with `format=txt` the whole of it as yt-dlp's `--download-archive` reads it.",
        parameters=[ArchiveQuery],
        responses={(200, "application/json"): ArchivePage, (200, "text/plain"): OpenApiTypes.STR},
        examples=[examples.PAGE, examples.TEXT],
    )
    def list(self, request: Request) -> HttpResponseBase:
        query = ArchiveQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        owner = caller(request)
        if query.validated_data["format"] == "txt":
            headers = {"Content-Disposition": 'attachment; filename="archive.txt"'}
            return StreamingHttpResponse(
                archive.lines(owner), content_type="text/plain; charset=utf-8", headers=headers
            )
        paginator = NewestFirst[ArchiveEntry]()
        page = paginator.page_of(archive.of(owner), request, self)
        entries = ArchiveEntrySerializer(page, many=True)  # type: ignore[arg-type]
        return Response(
            {"results": entries.data, "next": paginator.get_next_link(), "previous": paginator.get_previous_link()}
        )

    @extend_schema(
        operation_id="import_archive",
        summary="Add the lines of an archive.txt",
        description="As the body, or as `file` of a form. What is known already stays, lines that begin with # are "
        "skipped; a wrong line refuses all.",
        request={"text/plain": OpenApiTypes.STR, "multipart/form-data": ArchiveFile},
        responses={200: ImportedSerializer},
        examples=[examples.IMPORT, examples.IMPORTED],
    )
    def create(self, request: Request) -> Response:
        is_form = "text" not in request.data
        body = (ArchiveFile if is_form else ArchiveText)(data=request.data)
        body.is_valid(raise_exception=True)
        text = body.validated_data["file" if is_form else "text"]
        owner = caller(request)
        came = archive.add_lines(owner, text, field="file" if is_form else "body")
        told = {"added": came.new, "known": came.known, "skipped": came.comments, "total": archive.of(owner).count()}
        return Response(ImportedSerializer(told).data)

    @extend_schema(
        operation_id="remove_from_archive",
        summary="Take a video out of the archive",
        description="Playlists and channels that hold it will download it again.",
        parameters=[
            OpenApiParameter("extractor", str, OpenApiParameter.PATH),
            OpenApiParameter("video_id", str, OpenApiParameter.PATH),
        ],
        responses={200: RemovedSerializer},
        examples=[examples.REMOVED],
    )
    def destroy(self, request: Request, extractor: str, video_id: str) -> Response:
        try:
            archive.forget(caller(request), extractor, video_id)
        except NotFound:
            if not video_id.endswith("/"):
                raise
            video_id = video_id[:-1]  # unless the id ends with it, a slash at the end is that of the address
            archive.forget(caller(request), extractor, video_id)
        removed = RemovedSerializer(
            {
                "id": f"{extractor} {video_id}",
                "resource_type": "archive_entry",
                "status": "deleted",
                "message": "The archive no longer has this entry.",
                "timestamp": timezone.now(),
            }
        )
        return Response(removed.data)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show."""
        return ArchiveFile(*args, **kwargs) if self.action in ("create", "list") else Serializer(*args, **kwargs)
