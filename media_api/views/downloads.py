"""`/api/v1/download`: start downloads, watch them, end them."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from accounts.authentication import caller
from accounts.models import ApiKey
from jobs import queries, services
from jobs.models import Job
from jobs.states import State
from media_api.errors import Code
from media_api.examples import downloads as examples
from media_api.idempotency import answer_once
from media_api.links import absolute
from media_api.pagination import NewestFirst
from media_api.schema import IDEMPOTENCY_KEY
from media_api.serializers.downloads import (
    CancelSerializer,
    DownloadRequest,
    JobPage,
    JobQuery,
    JobSerializer,
    LogSerializer,
)
from media_api.views.base import ApiViewSet


class Downloads(ApiViewSet):
    """Downloads: one link each."""

    tag = "downloads"
    can_fail_with = {
        "create": (Code.QUEUE_FULL, Code.QUOTA_EXCEEDED),
        "destroy": (Code.CONFLICT,),
        "extend": (Code.CONFLICT,),
        "list": (Code.VALIDATION_ERROR,),
        "retry": (Code.QUOTA_EXCEEDED,),
    }

    @extend_schema(
        operation_id="start_download",
        summary="Start a download",
        description="Queues one link. The answer comes at once; watch the job at `Location`.",
        request=DownloadRequest,
        responses={202: JobSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[*examples.DOWNLOAD_REQUESTS, examples.job(202)],
    )
    def create(self, request: Request) -> Response:
        response = answer_once(request, lambda: self._submit(request), atomic=True)
        path = reverse("download", args=[response.data["request_id"]])
        response.headers["Location"] = absolute(request, path)
        return response

    @extend_schema(
        operation_id="list_downloads",
        summary="List downloads",
        description="The caller's own downloads, newest first.",
        parameters=[JobQuery],
        responses={200: JobPage},
        examples=[examples.JOB_PAGE],
    )
    def list(self, request: Request) -> Response:
        query = JobQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = _filtered(queries.visible_to(caller(request)), query.validated_data)
        found = found.select_related("batch").prefetch_related("files")
        paginator = NewestFirst[Job]()
        page = paginator.page_of(found, request, self)
        jobs = JobSerializer(page, many=True, context={"request": request})  # type: ignore[arg-type]
        return Response(
            {"results": jobs.data, "next": paginator.get_next_link(), "previous": paginator.get_previous_link()}
        )

    @extend_schema(
        operation_id="get_download",
        summary="Look at a download",
        responses={200: JobSerializer},
        examples=[examples.job(200)],
    )
    def retrieve(self, request: Request, public_id: str) -> Response:
        return _answer(request, _job(request, public_id))

    @extend_schema(
        operation_id="cancel_download",
        summary="Cancel a download",
        description="Its processes are ended and partial files deleted. A finished download answers with a 409.",
        responses={200: CancelSerializer},
        examples=[examples.CANCELLED],
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        job = services.cancel(_job(request, public_id))
        is_over = job.state == State.CANCELLED
        cancelled = CancelSerializer(
            {
                "request_id": job.public_id,
                "status": job.state,
                "cancelled_jobs": 1,
                "message": "The download is cancelled." if is_over else "The download is being cancelled.",
                "timestamp": timezone.now(),
            }
        )
        return Response(cancelled.data)

    @extend_schema(
        operation_id="get_download_log",
        summary="Read a download's log",
        responses={200: LogSerializer},
        examples=[examples.LOG],
    )
    def logs(self, request: Request, public_id: str) -> Response:
        job = _job(request, public_id)
        log = queries.log_of(job)
        lines, total = (log.lines, log.total_lines) if log else ([], 0)
        written = LogSerializer(
            {
                "request_id": job.public_id,
                "logs": lines,
                "log_level": settings.LOG_LEVEL,
                "total_lines": total,
                "truncated": total > len(lines),
            }
        )
        return Response(written.data)

    @extend_schema(
        operation_id="pause_download",
        summary="Pause a download",
        description="Partial files stay. A running one needs a moment to stop: its status may still be `running`.",
        request=None,
        responses={200: JobSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.job(200, status="paused")],
    )
    def pause(self, request: Request, public_id: str) -> Response:
        return answer_once(request, lambda: _answer(request, services.pause(_job(request, public_id))), atomic=False)

    @extend_schema(
        operation_id="resume_download",
        summary="Resume a paused download",
        request=None,
        responses={200: JobSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.job(200, status="queued")],
    )
    def resume(self, request: Request, public_id: str) -> Response:
        return answer_once(request, lambda: _answer(request, services.resume(_job(request, public_id))), atomic=True)

    @extend_schema(
        operation_id="retry_download",
        summary="Try a failed, cancelled or expired download again",
        request=None,
        responses={200: JobSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.job(200, status="queued")],
    )
    def retry(self, request: Request, public_id: str) -> Response:
        return answer_once(request, lambda: _answer(request, services.retry(_job(request, public_id))), atomic=True)

    @extend_schema(
        operation_id="extend_download",
        summary="Keep a download's files longer",
        description="Moves `expires_at` on by FILE_RETENTION_HOURS, to MAX_RETENTION_HOURS after the download's end at "
        "most. Files that cannot be kept any longer, or are kept for ever, are answered with a 409.",
        request=None,
        responses={200: JobSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[examples.EXTENDED],
    )
    def extend(self, request: Request, public_id: str) -> Response:
        return answer_once(request, lambda: _answer(request, services.extend(_job(request, public_id))), atomic=True)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        """The form that the browsable pages show: other calls than a submission have no body."""
        is_submission = self.action in ("create", "list")
        return DownloadRequest(*args, **kwargs) if is_submission else Serializer(*args, **kwargs)

    def _submit(self, request: Request) -> Response:
        body = DownloadRequest(data=request.data)
        body.is_valid(raise_exception=True)
        key = request.auth if isinstance(request.auth, ApiKey) else None
        job = services.submit(caller(request), body.submission(), api_key=key)
        return _answer(request, job, status=202)


def _job(request: Request, public_id: str) -> Job:
    return queries.job_of(caller(request), public_id)


def _answer(request: Request, job: Job, *, status: int = 200) -> Response:
    return Response(JobSerializer(job, context={"request": request}).data, status=status)


def _filtered(jobs: QuerySet[Job], query: dict[str, Any]) -> QuerySet[Job]:
    conditions: dict[str, Callable[[Any], Q]] = {
        "status": lambda value: Q(state=value),
        "batch": lambda value: Q(batch__public_id=value),
        "host": lambda value: Q(host=value.lower()),
        "created_after": lambda value: Q(created_at__gte=value),
        "created_before": lambda value: Q(created_at__lt=value),
        "q": lambda value: Q(title__icontains=value) | Q(url__icontains=value),
    }
    for name, condition in conditions.items():
        if name in query:
            jobs = jobs.filter(condition(query[name]))
    return jobs
