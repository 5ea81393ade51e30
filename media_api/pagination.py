"""Pages of lists. A cursor names the row that a page begins after, because an offset reads everything before it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Self, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from media_api.links import absolute

PAGE_SIZE = 20
LARGEST_PAGE = 100
OLDER, NEWER = "older", "newer"
CURSOR = rf"({OLDER}|{NEWER})-([0-9]{{1,17}})-([0-9]{{1,18}})"
NOT_A_CURSOR = "Not a cursor of this list. Use the addresses in “next” and “previous” as they are."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Cursor:
    """Rows that are older or newer than one, which itself need not exist any more."""

    direction: str
    created_at: datetime
    id: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValidationError for anything that is not a cursor."""
        found = re.fullmatch(CURSOR, text)
        if found is None:
            raise ValidationError({"cursor": [NOT_A_CURSOR]})
        return cls(found[1], EPOCH + timedelta(microseconds=int(found[2])), int(found[3]))

    @classmethod
    def beside(cls, row: Any, direction: str) -> Self:
        """What lies on that side of a row with `created_at` and `id`."""
        return cls(direction, row.created_at, row.id)

    def __str__(self) -> str:
        return f"{self.direction}-{(self.created_at - EPOCH) // timedelta(microseconds=1)}-{self.id}"

    def rows(self) -> Q:
        """Those that it leads to."""
        side = "lt" if self.direction == OLDER else "gt"
        at = self.created_at
        exactly = Q(**{f"created_at__{side}": at}) | Q(created_at=at, **{f"id__{side}": self.id})
        return exactly & Q(**{f"created_at__{side}e": at})  # which an index finds the beginning of


class NewestFirst(Generic[Row]):
    """Newest rows first; those of the same moment by id. For tables with `created_at` and `id`."""

    def __init__(self) -> None:
        self._address = ""
        self._next: Cursor | None = None
        self._previous: Cursor | None = None

    def page_of(self, rows: QuerySet[Row], request: Request, view: APIView) -> list[Row]:
        """The rows of the page that the request asks for. Raises ValidationError for a cursor of something else."""
        self._address = absolute(request, request.get_full_path())
        limit = int(request.query_params.get("limit", PAGE_SIZE))
        text = request.query_params.get("cursor")
        cursor = Cursor.parse(text) if text is not None else None
        if cursor is not None and cursor.direction == NEWER:
            found = list(rows.filter(cursor.rows()).order_by("created_at", "id")[: limit + 1])
            page = found[:limit][::-1]
            self._link(page, has_newer=len(found) > limit, has_older=True)
        else:
            found = list(rows.filter(cursor.rows() if cursor else Q()).order_by("-created_at", "-id")[: limit + 1])
            page = found[:limit]
            self._link(page, has_newer=cursor is not None, has_older=len(found) > limit)
        return page

    def get_next_link(self) -> str | None:
        """The address of the page with older rows, if there is one."""
        return self._at(self._next)

    def get_previous_link(self) -> str | None:
        """The address of the page with newer rows, if there may be one."""
        return self._at(self._previous)

    def _link(self, page: list[Row], *, has_newer: bool, has_older: bool) -> None:
        if page:
            self._next = Cursor.beside(page[-1], OLDER) if has_older else None
            self._previous = Cursor.beside(page[0], NEWER) if has_newer else None

    def _at(self, cursor: Cursor | None) -> str | None:
        return replace_query_param(self._address, "cursor", str(cursor)) if cursor else None
