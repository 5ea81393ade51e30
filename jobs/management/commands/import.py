"""`manage.py import FILE`: brings in links, feeds, queues and archives of other downloaders, and reports."""

import json
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from accounts.models import User
from jobs.moving_in import formats
from jobs.moving_in.bringing import Report, Told, Wishes, bring_in
from jobs.moving_in.entries import FormatRefused

LARGEST_BYTES = 64 * 1024**2
MOST_SHOWN = 50
HANDED_IN = Path("-")


class Command(BaseCommand):
    help = "Bring in links, feeds, MeTube's queue and subscriptions, or yt-dlp's archive, for one user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="- is what is handed in (standard input)")
        parser.add_argument("--user", required=True, help="who owns what comes in")
        parser.add_argument("--as", choices=sorted(formats.READERS), dest="form", help="the format, if not recognised")
        parser.add_argument("--latest", type=int, default=0, help="download so many of each channel or feed now")
        parser.add_argument("--dry-run", action="store_true", help="report, and change nothing")
        parser.add_argument("--json", action="store_true", help="report as one JSON object")

    def handle(self, *args: Any, file: Path, form: str | None, **options: Any) -> None:
        owner = User.objects.filter(username=options["user"]).first()
        if owner is None:
            raise CommandError(f"There is no user {options['user']}.")
        if options["latest"] < 0:
            raise CommandError("--latest is a number of entries: 0 or more.")
        text = _text(file)
        form = form or formats.recognised(text)
        wishes = Wishes(is_rehearsal=options["dry_run"], latest=options["latest"])
        try:
            report = bring_in(owner, list(formats.READERS[form](text)), wishes)
        except FormatRefused as refusal:
            raise CommandError(f"{file} cannot be read as {form}: {refusal} Nothing was changed.") from refusal
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report, form, wishes)))
        else:
            self.stdout.write("\n".join(_lines(report, form, wishes)))


def _text(file: Path) -> str:
    try:
        with sys.stdin.buffer if file == HANDED_IN else file.open("rb") as source:
            content = source.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise CommandError(f"{file} has more than {LARGEST_BYTES} bytes: part it.")
        return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not text in UTF-8 or UTF-16.") from error


def _as_json(report: Report, form: str, wishes: Wishes) -> dict[str, Any]:
    return {
        "format": form,
        "dry_run": wishes.is_rehearsal,
        "links": report.links,
        "lists": report.lists,
        "archived": report.archived,
        "known": report.known,
        "repeated": report.repeated,
        "comments": report.comments,
        "batches": report.batches,
        "refused": [told.as_json() for told in report.refused],
        "notes": [told.as_json() for told in report.notes],
    }


def _lines(report: Report, form: str, wishes: Wishes) -> list[str]:
    would = "Would bring in" if wishes.is_rehearsal else "Brought in"
    told = [
        f"Read as {form}. {would} {report.links} links, {report.lists} lists, {report.archived} lines of the archive.",
        f"In the archive already: {report.known}. Repeated in the file: {report.repeated}. "
        f"Comments: {report.comments}.",
    ]
    told += [f"Batches: {', '.join(report.batches)}"] if report.batches else []
    return told + _some("Refused", report.refused) + _some("Notes", report.notes)


def _some(title: str, all_told: list[Told]) -> list[str]:
    if not all_told:
        return []
    shown = [f"  {told.entry.place}: {told.entry.value}: {told.message}" for told in all_told[:MOST_SHOWN]]
    more = [f"  and {len(all_told) - MOST_SHOWN} more"] if len(all_told) > MOST_SHOWN else []
    return [f"{title}: {len(all_told)}", *shown, *more]
