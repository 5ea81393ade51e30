"""Answers as files: CSV that spreadsheets open without running anything, and JSON to keep. Knows no pages or jobs."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework.response import Response

# What spreadsheets take for the beginning of a formula, with what they skip before it.
_FORMULA = re.compile(r"[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n]")


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> HttpResponse:
    """The rows as `name`.csv (RFC 4180, UTF-8), with a header line. Lists become words parted by semicolons."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows([cell(row.get(column)) for column in columns] for row in rows)
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8; header=present")
    _attach(response, f"{name}.csv")
    return response


def json_file(name: str, response: Response) -> Response:
    """The same answer, to be saved as `name`.json."""
    _attach(response, f"{name}.json")
    return response


def cell(value: Any) -> str:
    """The value as one cell. Text that a spreadsheet would run begins with an apostrophe, which it does not show."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if not isinstance(value, str):
        return str(value)
    return f"'{value}" if _FORMULA.match(value) else value


def _attach(response: HttpResponse, name: str) -> None:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
