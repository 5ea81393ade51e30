"""How operators' commands answer: lines for people, or with `--json` one JSON document for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class ReportingCommand(BaseCommand):
    """A command that reports. What it does is up to its subclasses."""

    def add_json_option(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def report(self, document: Any, lines: Iterable[str], *, as_json: bool) -> None:
        """The document as JSON, or the lines."""
        if as_json:
            self.stdout.write(json.dumps(document, indent=2, default=_plain, ensure_ascii=False))
            return
        for line in lines:
            self.stdout.write(line)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Rows under a line of headings, as wide as their longest cell."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(len(line[number]) for line in [heads, *cells]) for number in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [heads, *cells]
    ]


def age(text: str) -> timedelta:
    """A span of time such as 90m, 36h, 30d or 2w. Raises ValueError, which argparse tells."""
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS or not number.isascii() or not number.isdigit():
        raise ValueError(text)
    return timedelta(**{UNITS[unit]: int(number)})


age.__name__ = "span of time such as 36h or 30d"  # as argparse words it


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(part) for part in value)
    return " ".join(str(value).split())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
