"""`manage.py storage check|repair`: compares results, rows and work directories, and puts right what can be."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs import inventory, storage
from jobs.inventory import Finding


class Command(BaseCommand):
    help = (
        "check lists results that are missing, short or damaged, files without a row, and leftover work directories of "
        "this host, and ends with 1 if there are any; repair also expires damaged results and deletes leftovers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=("check", "repair"))
        parser.add_argument("--deep", action="store_true", help="read every file and compare its SHA-256")
        parser.add_argument("--json", action="store_true", help="one JSON object for each finding, one a line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            storage.check_access()
            is_repair = options["action"] == "repair"
            found = self._go_through(is_repair=is_repair, deep=options["deep"], as_json=options["json"])
        except storage.Unavailable as error:
            raise CommandError(f"The storage cannot be looked at: {error}") from error
        except OSError as error:
            raise CommandError(f"The storage cannot be used: {error.strerror or error}") from error
        if not options["json"]:
            self.stdout.write(f"{found or 'nothing'} {'repaired' if is_repair else 'wrong'}")
        if found and not is_repair:
            raise CommandError("`manage.py storage repair` puts right what can be.", returncode=1)

    def _go_through(self, *, is_repair: bool, deep: bool, as_json: bool) -> int:
        found = 0
        for finding in inventory.findings(deep=deep):
            found += 1
            self._tell(finding, inventory.repair(finding) if is_repair else "", as_json=as_json)
        if is_repair and (aborted := inventory.abort_uploads()):
            found += aborted
            uploads = Finding(fault=inventory.Fault.UPLOAD, name=f"{aborted} uploads")
            self._tell(uploads, "aborted", as_json=as_json)
        return found

    def _tell(self, finding: Finding, done: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(finding) | {"done": done}))
            return
        of_job = f" of job {finding.job}" if finding.job else ""
        detail = f" ({finding.detail})" if finding.detail else ""
        self.stdout.write(f"{finding.fault}: {finding.name}{of_job}{detail}{f' -> {done}' if done else ''}")
