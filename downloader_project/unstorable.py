"""What callers send that PostgreSQL takes in no column: their mistake, and no crash."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse


class UnstorableMiddleware:
    """Answers a search for text with a NUL with a 400. SQLite looks for it, and finds nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Refused by the driver before it is sent, so that a transaction it is in stays good."""
        if isinstance(exception, DataError) and "NUL (0x00)" in str(exception):
            raise BadRequest("Text must not hold a NUL.") from exception
