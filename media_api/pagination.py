"""Pages of lists. Cursors, because an offset reads everything before it."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs.models import Job
from media_api.links import absolute

PAGE_SIZE = 20
LARGEST_PAGE = 100


class NewestFirst(CursorPagination):
    """Newest jobs first; those of the same moment by id."""

    ordering = ("-created_at", "-id")
    page_size = PAGE_SIZE
    max_page_size = LARGEST_PAGE
    page_size_query_param = "limit"

    def page_of(self, jobs: QuerySet[Job], request: Request, view: APIView) -> list[Job]:
        """The jobs of the page that the request asks for. Raises ValidationError for a cursor of something else."""
        try:
            page = self.paginate_queryset(jobs, request, view)
        except NotFound as error:
            raise _not_a_cursor() from error
        self.base_url = absolute(request, request.get_full_path())
        return list(page or ())

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_moment(cursor.position):
            raise _not_a_cursor()
        return cursor


def _is_moment(text: Any) -> bool:
    try:
        moment = parse_datetime(text)
        return isinstance(moment, datetime) and moment.tzinfo is not None and bool(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return False


def _not_a_cursor() -> ValidationError:
    return ValidationError(
        {"cursor": ["Not a cursor of this list. Use the addresses in “next” and “previous” as they are."]}
    )
