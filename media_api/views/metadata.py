"""`/api/v1/formats`, `/api/v1/metadata`: what a page tells, without downloading; and of many pages at once."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from accounts.authentication import caller
from accounts.models import ApiKey
from jobs import extraction, services
from jobs.extraction import many
from jobs.models import Batch, Extraction
from jobs.states import ExtractionKind
from media_api import tables
from media_api.errors import Code
from media_api.examples import metadata as examples
from media_api.idempotency import answer_once
from media_api.links import absolute
from media_api.schema import IDEMPOTENCY_KEY
from media_api.serializers.downloads import CancelSerializer
from media_api.serializers.metadata import (
    CSV,
    JSON,
    FormatsSerializer,
    MetadataBatchQuery,
    MetadataBatchRequest,
    MetadataBatchSerializer,
    MetadataQuery,
    MetadataSerializer,
    PageQuery,
    PageSerializer,
    VideoSerializer,
    formats_of,
    metadata_of,
)
from media_api.views.base import ApiViewSet

OF_A_PAGE = ("formats_available", "is_playlist", "playlist_count", "subtitles_available", "extracted_at")
COLUMNS = ("url", *VideoSerializer().fields, *OF_A_PAGE)
BATCH_COLUMNS = ("position", *COLUMNS, "status", "error_code", "error")
READING_ERRORS = (
    Code.VALIDATION_ERROR,
    Code.METADATA_EXTRACTION_FAILED,
    Code.EXTRACTION_TIMEOUT,
    Code.QUEUE_FULL,
)
HOW_LONG = (
    "A worker reads the page within EXTRACTION_TIMEOUT_SECONDS, and the call waits for it. The answer is kept for "
    "EXTRACTION_CACHE_SECONDS: an equal call within that time, and a download of the link, do not ask the site again. "
    "A link that leads to no media, or into a network that the service may not enter, is a 422; any other failure of "
    "the page is a 502, with its own code in `details`."
)


class Pages(ApiViewSet):
    """What one page tells."""

    tag = "metadata"
    can_fail_with = {"formats": READING_ERRORS, "metadata": READING_ERRORS}

    @extend_schema(
        operation_id="get_formats",
        summary="List the formats of a page",
        description=HOW_LONG,
        parameters=[PageQuery],
        responses={200: FormatsSerializer},
        examples=[examples.FORMATS],
    )
    def formats(self, request: Request) -> Response:
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = _read(request, query.validated_data)
        return Response(formats_of(page, extraction.answer_of(page)))

    @extend_schema(
        operation_id="get_metadata",
        summary="Read the metadata of a page",
        description=f"{HOW_LONG} With `format` the answer is a file: `csv` has one line, `json` the same as without.",
        parameters=[MetadataQuery],
        responses={(200, "application/json"): MetadataSerializer, (200, "text/csv"): OpenApiTypes.STR},
        examples=[examples.METADATA, examples.CSV],
    )
    def metadata(self, request: Request) -> HttpResponse:
        query = MetadataQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = _read(request, query.validated_data)
        told = metadata_of(page)
        if query.validated_data.get("format") == CSV:
            return tables.csv_file("metadata", COLUMNS, [_row(told)])
        response = Response(told)
        is_file = query.validated_data.get("format") == JSON
        return tables.json_file("metadata", response) if is_file else response

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Who asks for CSV may accept nothing else; errors are JSON all the same."""
        return super().perform_content_negotiation(request, force or _wants_csv(request))


class MetadataBatches(ApiViewSet):
    """What many pages tell."""

    tag = "metadata"
    missing = Code.NOT_FOUND
    can_fail_with = {
        "create": (Code.QUEUE_FULL,),
        "retrieve": (Code.VALIDATION_ERROR,),
        "destroy": (Code.CONFLICT,),
    }

    @extend_schema(
        operation_id="start_metadata_batch",
        summary="Read the metadata of up to 100 pages",
        description="All links are accepted or none; the error names each wrong one. The answer comes at once; watch "
        "the batch at `Location`. Its results are kept for a day.",
        request=MetadataBatchRequest,
        responses={202: MetadataBatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.BATCH_REQUEST, examples.batch(202, status="queued")],
    )
    def create(self, request: Request) -> Response:
        response = answer_once(request, lambda: self._submit(request), atomic=True)
        response.headers["Location"] = absolute(request, reverse("metadata-batch", args=[response.data["batch_id"]]))
        return response

    @extend_schema(
        operation_id="get_metadata_batch",
        summary="Look at a metadata batch",
        description="With `format` the answer is a file: `csv` has a line for each link, `json` the same as without.",
        parameters=[MetadataBatchQuery],
        responses={(200, "application/json"): MetadataBatchSerializer, (200, "text/csv"): OpenApiTypes.STR},
        examples=[examples.batch(200, status="completed"), examples.BATCH_CSV],
    )
    def retrieve(self, request: Request, public_id: str) -> HttpResponse:
        query = MetadataBatchQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        batch = many.batch_of(caller(request), public_id)
        if query.validated_data.get("format") == CSV:
            return tables.csv_file(batch.public_id, BATCH_COLUMNS, map(_batch_row, many.pages_of(batch)))
        response = _answer(batch)
        is_file = query.validated_data.get("format") == JSON
        return tables.json_file(batch.public_id, response) if is_file else response

    @extend_schema(
        operation_id="cancel_metadata_batch",
        summary="Cancel a metadata batch",
        description="Pages that were read stay. A batch that is over answers with a 409.",
        responses={200: CancelSerializer},
        examples=[examples.CANCELLED],
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        batch = many.batch_of(caller(request), public_id)
        number = many.cancel(batch)
        cancelled = CancelSerializer(
            {
                "request_id": batch.public_id,
                "status": batch.state,
                "cancelled_jobs": number,
                "message": "The batch is cancelled.",
                "timestamp": timezone.now(),
            }
        )
        return Response(cancelled.data)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show: other calls than a submission have no body."""
        return (MetadataBatchRequest if self.action == "create" else Serializer)(*args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Who asks for CSV may accept nothing else; errors are JSON all the same."""
        return super().perform_content_negotiation(request, force or _wants_csv(request))

    def _submit(self, request: Request) -> Response:
        body = MetadataBatchRequest(data=request.data)
        body.is_valid(raise_exception=True)
        owner = caller(request)
        jar = services.jar_of(owner, body.validated_data["cookies_id"] or "")
        key = request.auth if isinstance(request.auth, ApiKey) else None
        batch = many.submit(owner, body.validated_data["urls"], cookie_jar=jar, api_key=key)
        return _answer(batch, status=202)


def _read(request: Request, query: dict[str, Any]) -> Extraction:
    """The page, read. Raises what the domain refuses."""
    owner = caller(request)
    jar = services.jar_of(owner, query.get("cookies_id", ""))
    page = extraction.ask(owner, ExtractionKind.VIDEO, query["url"], cookie_jar=jar)
    extraction.answer(page)
    return page


def _answer(batch: Batch, *, status: int = 200) -> Response:
    pages = list(many.pages_of(batch))
    return Response(MetadataBatchSerializer(batch, context={"pages": pages}).data, status=status)


def _row(told: dict[str, Any]) -> dict[str, Any]:
    return {**told["metadata"], **{name: told[name] for name in ("url", *OF_A_PAGE)}}


def _batch_row(page: Extraction) -> dict[str, Any]:
    shown = PageSerializer(page).data
    told = _row(shown["result"]) if shown["result"] else {}
    return told | {name: shown[name] for name in ("position", "url", "status", "error_code", "error")}


def _wants_csv(request: Request) -> bool:
    return bool(request.query_params.get("format") == CSV)
