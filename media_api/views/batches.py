"""`/api/v1/batch`: start many downloads at once, watch and end them; those of playlists and channels as well."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from accounts.authentication import caller
from accounts.models import ApiKey
from jobs import batch_services, queries
from jobs.models import Batch
from jobs.states import State
from media_api.errors import Code
from media_api.examples import batches as examples
from media_api.idempotency import answer_once
from media_api.links import absolute
from media_api.pagination import NewestFirst
from media_api.schema import IDEMPOTENCY_KEY
from media_api.serializers.batches import (
    JOBS_ON_A_PAGE,
    BatchFileRequest,
    BatchListQuery,
    BatchPage,
    BatchQuery,
    BatchRequest,
    BatchSerializer,
    BatchSummarySerializer,
)
from media_api.serializers.downloads import CancelSerializer
from media_api.views.base import ApiViewSet


class Batches(ApiViewSet):
    """Batches: downloads that were asked for together."""

    tag = "batches"
    missing = Code.NOT_FOUND
    can_fail_with = {
        "create": (Code.QUEUE_FULL, Code.QUOTA_EXCEEDED),
        "retry": (Code.QUEUE_FULL, Code.QUOTA_EXCEEDED),
        "destroy": (Code.CONFLICT,),
        "list": (Code.VALIDATION_ERROR,),
        "retrieve": (Code.VALIDATION_ERROR,),
    }

    @extend_schema(
        operation_id="start_batch",
        summary="Start up to 100 downloads",
        description="All links are accepted or none; the error names each wrong one. Send JSON, or a form with a text "
        "file `file` of links, one a line. The answer comes at once; watch the batch at `Location`.",
        request={"application/json": BatchRequest, "multipart/form-data": BatchFileRequest},
        responses={202: BatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[*examples.BATCH_REQUESTS, examples.batch(202, status="queued")],
    )
    def create(self, request: Request) -> Response:
        response = answer_once(request, lambda: self._submit(request), atomic=True)
        response.headers["Location"] = location(request, response.data["batch_id"])
        return response

    @extend_schema(
        operation_id="list_batches",
        summary="List batches",
        description="The caller's own batches, newest first, without their single downloads.",
        parameters=[BatchListQuery],
        responses={200: BatchPage},
        examples=[examples.BATCH_PAGE],
    )
    def list(self, request: Request) -> Response:
        query = BatchListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        columns = {"status": "state", "kind": "kind"}
        wanted = {columns[name]: value for name, value in query.validated_data.items() if name in columns}
        paginator = NewestFirst[Batch]()
        page = paginator.page_of(queries.batches_visible_to(caller(request)).filter(**wanted), request, self)
        context = {"request": request, "figures": queries.figures_of(page)}
        batches = BatchSummarySerializer(page, many=True, context=context)  # type: ignore[arg-type]
        return Response(
            {"results": batches.data, "next": paginator.get_next_link(), "previous": paginator.get_previous_link()}
        )

    @extend_schema(
        operation_id="get_batch",
        summary="Look at a batch",
        description=f"With its downloads, {JOBS_ON_A_PAGE} on a page.",
        parameters=[BatchQuery],
        responses={200: BatchSerializer},
        examples=[examples.batch(200)],
    )
    def retrieve(self, request: Request, public_id: str) -> Response:
        query = BatchQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return answer_with(request, _batch(request, public_id), **query.validated_data)

    @extend_schema(
        operation_id="cancel_batch",
        summary="Cancel a batch",
        description="Cancels what waits, is paused or runs; what has ended stays as it is. A finished batch answers "
        "with a 409.",
        responses={200: CancelSerializer},
        examples=[examples.CANCELLED],
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        batch = _batch(request, public_id)
        number = batch_services.cancel_batch(batch)
        is_over = batch.state == State.CANCELLED
        cancelled = CancelSerializer(
            {
                "request_id": batch.public_id,
                "status": batch.state,
                "cancelled_jobs": number,
                "message": "The batch is cancelled." if is_over else "The batch is being cancelled.",
                "timestamp": timezone.now(),
            }
        )
        return Response(cancelled.data)

    @extend_schema(
        operation_id="retry_batch",
        summary="Try the failed downloads of a batch again",
        description="And those that were cancelled together with the batch, or because one failed. A playlist or "
        "channel that could not be read is read again.",
        request=None,
        responses={200: BatchSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.batch(200, status="running")],
    )
    def retry(self, request: Request, public_id: str) -> Response:
        return answer_once(request, lambda: self._retry(request, public_id), atomic=False)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show: other calls than a submission have no body."""
        return BatchRequest(*args, **kwargs) if self.action in ("create", "list") else Serializer(*args, **kwargs)

    def _submit(self, request: Request) -> Response:
        has_file = "file" in getattr(request, "FILES", {})
        body = (BatchFileRequest if has_file else BatchRequest)(data=request.data)
        body.is_valid(raise_exception=True)
        batch = batch_services.submit_batch(caller(request), body.submission(), api_key=key_of(request))
        return answer_with(request, batch, status=202)

    def _retry(self, request: Request, public_id: str) -> Response:
        batch = _batch(request, public_id)
        batch_services.retry_batch(batch)
        return answer_with(request, batch)


def answer_with(
    request: Request, batch: Batch, *, status: int = 200, page: int = 1, page_size: int = JOBS_ON_A_PAGE
) -> Response:
    """The batch with a page of its jobs."""
    start = (page - 1) * page_size
    context = {
        "request": request,
        "figures": queries.figures_of([batch]),
        "jobs": queries.jobs_of_batch(batch)[start : start + page_size],
        "page": page,
        "page_size": page_size,
    }
    return Response(BatchSerializer(batch, context=context).data, status=status)


def location(request: Request, batch_id: str) -> str:
    """Where a batch is watched."""
    return absolute(request, reverse("batch", args=[batch_id]))


def key_of(request: Request) -> ApiKey | None:
    """The API key that the call carries, if any."""
    return request.auth if isinstance(request.auth, ApiKey) else None


def _batch(request: Request, public_id: str) -> Batch:
    return queries.batch_of(caller(request), public_id)
