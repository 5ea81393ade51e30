"""`/api/v1/playlist` and `/api/v1/channel`: look at the entries of a list, or download them as a batch."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.authentication import caller
from jobs import playlists
from jobs.playlists import ListSubmission
from media_api.errors import Code
from media_api.examples import playlists as examples
from media_api.idempotency import answer_once
from media_api.schema import IDEMPOTENCY_KEY
from media_api.serializers.batches import BatchSerializer
from media_api.serializers.playlists import (
    ChannelQuery,
    ChannelRequest,
    ChannelSerializer,
    PlaylistRequest,
    PreviewQuery,
    PreviewSerializer,
)
from media_api.views.base import ApiViewSet
from media_api.views.batches import answer_with, key_of, location

LOOK = (Code.VALIDATION_ERROR, Code.QUEUE_FULL, Code.METADATA_EXTRACTION_FAILED, Code.EXTRACTION_TIMEOUT)
BATCH_COMES = (
    "The answer is a Batch: with its downloads, if the list is read within a few seconds; else they are added when it "
    "is. A list that cannot be read is a failed batch that says why. Watch it at `Location`."
)


class Playlists(ApiViewSet):
    """Playlists: lists of videos, feeds, pages with several videos."""

    tag = "playlists"
    can_fail_with = {"preview": LOOK, "download": (Code.QUEUE_FULL, Code.QUOTA_EXCEEDED)}

    @extend_schema(
        operation_id="preview_playlist",
        summary="Look at a page of a playlist",
        description="Reads no more of the list than the page needs.",
        parameters=[PreviewQuery],
        responses={200: PreviewSerializer},
        examples=[examples.PREVIEW],
    )
    def preview(self, request: Request) -> Response:
        query = PreviewQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        page = playlists.page_of_list(
            caller(request),
            asked["url"],
            number=asked["page"],
            size=asked["limit"],
            cookies_id=asked.get("cookies_id", ""),
        )
        return Response(PreviewSerializer(page, context={"url": asked["url"]}).data)

    @extend_schema(
        operation_id="download_playlist",
        summary="Download a playlist",
        description=BATCH_COMES,
        request=PlaylistRequest,
        responses={201: BatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[*examples.PLAYLIST_REQUESTS, examples.PLAYLIST_BATCH],
    )
    def download(self, request: Request) -> Response:
        body = PlaylistRequest(data=request.data)
        return _answer(request, body, body.submission)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show."""
        return PlaylistRequest(*args, **kwargs)


class Channels(ApiViewSet):
    """Channels: what somebody publishes, filtered and sorted."""

    tag = "channels"
    can_fail_with = {"info": LOOK, "download": (Code.QUEUE_FULL, Code.QUOTA_EXCEEDED)}

    @extend_schema(
        operation_id="get_channel",
        summary="Look at a page of a channel's videos",
        description="Without filters and order, no more of the channel is read than the page needs. A video whose "
        "entry lacks a value that a filter needs is left out and counted in `unknown_video_count`.",
        parameters=[ChannelQuery],
        responses={200: ChannelSerializer},
        examples=[examples.CHANNEL],
    )
    def info(self, request: Request) -> Response:
        query = ChannelQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked, chosen = query.validated_data, query.selection()
        page = playlists.page_of_channel(
            caller(request),
            asked["url"],
            chosen,
            number=asked["page"],
            size=asked["page_size"],
            cookies_id=asked.get("cookies_id", ""),
        )
        applied = chosen.filters.to_json() | ({"sort_by": chosen.sort_by} if chosen.sort_by else {})
        return Response(ChannelSerializer(page, context={"url": asked["url"], "filters_applied": applied}).data)

    @extend_schema(
        operation_id="download_channel",
        summary="Download a channel",
        description=BATCH_COMES,
        request=ChannelRequest,
        responses={201: BatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[*examples.CHANNEL_REQUESTS, examples.CHANNEL_BATCH],
    )
    def download(self, request: Request) -> Response:
        body = ChannelRequest(data=request.data)
        return _answer(request, body, body.submission)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show."""
        return ChannelRequest(*args, **kwargs)


def _answer(request: Request, body: BaseSerializer[Any], submission: Callable[[], ListSubmission]) -> Response:
    response = answer_once(request, lambda: _submit(request, body, submission), atomic=False)
    response.headers["Location"] = location(request, response.data["batch_id"])
    return response


def _submit(request: Request, body: BaseSerializer[Any], submission: Callable[[], ListSubmission]) -> Response:
    body.is_valid(raise_exception=True)
    batch = playlists.submit_list(caller(request), submission(), api_key=key_of(request))
    return answer_with(request, batch, status=201)
