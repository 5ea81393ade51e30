"""`manage.py doctor`: everything that could be wrong with this installation, each with its mend."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from accounts.management.reports import ReportingCommand
from jobs import diagnosis
from jobs.diagnosis import Finding, Status

MARKS = {Status.OK: "ok     ", Status.WARNING: "warning", Status.ERROR: "ERROR  "}


class Command(ReportingCommand):
    help = "Look for whatever is wrong here, and say how to mend it. Ends with 1 when something does not work."
    requires_system_checks = ()  # they are a part of it, and must not keep it from the rest

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        findings = diagnosis.examine()
        errors = sum(finding.status is Status.ERROR for finding in findings)
        warnings = sum(finding.status is Status.WARNING for finding in findings)
        document = {
            "status": Status.ERROR if errors else Status.WARNING if warnings else Status.OK,
            "errors": errors,
            "warnings": warnings,
            "findings": [asdict(finding) for finding in findings],
        }
        last = f"{errors} errors, {warnings} warnings." if errors or warnings else "All is well."
        lines = [line for finding in findings for line in _lines(finding)]
        self.report(document, [*lines, "", last], as_json=options["json"])
        if errors:
            sys.exit(1)


def _lines(finding: Finding) -> list[str]:
    told = f"{MARKS[finding.status]}  {finding.check}: {finding.message}"
    return [told, f"         -> {finding.mend}"] if finding.mend else [told]
