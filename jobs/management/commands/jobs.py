"""`manage.py jobs list|show|cancel|retry|purge`: what operators do to jobs from the shell. Anybody's jobs."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import CommandParser

from accounts import audit
from accounts.management.reports import ReportingCommand, age, table
from jobs import operations, purging
from jobs.errors import ValueRefused
from jobs.management import job_reports
from jobs.models import Job
from jobs.operations import Chosen
from jobs.states import TERMINAL

LISTED = 50
REASONS_SHOWN = 20
CHANGING = {"cancel": "end jobs for good", "retry": "queue failed, cancelled and expired jobs again"}


class Command(ReportingCommand):
    help = "List, show, cancel, retry and purge jobs."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|cancel|retry|purge")
        listing = verbs.add_parser("list", help="list jobs, newest first")
        listing.add_argument("--limit", type=int, default=LISTED, help=f"how many at most; {LISTED} unless told")
        _add_conditions(listing)
        show = verbs.add_parser("show", help="show all that is known of one job")
        show.add_argument("ids", nargs=1, metavar="ID", help="such as req_0123456789abcdef")
        changing = [verbs.add_parser(verb, help=told) for verb, told in CHANGING.items()]
        for one in changing:
            one.add_argument("ids", nargs="*", metavar="ID", help="ids of jobs; or choose by conditions")
            _add_conditions(one)
        purge = verbs.add_parser("purge", help="forget jobs that are over: files, rows, logs; cannot be taken back")
        purge.add_argument("ids", nargs="*", metavar="ID", help="ids of jobs; or choose by conditions")
        _add_conditions(purge)
        purge.add_argument("--yes", action="store_true", help="really do it; without, only count")
        for one in (listing, show, *changing, purge):
            self.add_json_option(one)

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        chosen = _chosen(options)
        try:
            jobs = chosen.jobs()
        except ValueRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        if verb == "list":
            rows = [job_reports.row(job) for job in jobs.select_related("owner")[: max(options["limit"], 0)]]
            self.report(rows, table(rows, job_reports.COLUMNS), as_json=options["json"])
        elif verb == "show":
            self._show(jobs.first(), options)
        else:
            if not (chosen.ids or str(chosen)):
                raise CommandError(f"Say which jobs: give ids, or conditions such as --state. See jobs {verb} --help.")
            self._refuse_unknown(chosen)
            change = self._purge if verb == "purge" else self._apply
            change(verb, chosen, options)

    def _show(self, job: Job | None, options: dict[str, Any]) -> None:
        if job is None:
            raise CommandError(f"There is no job {options['ids'][0]!r}.")
        document = job_reports.document(job)
        self.report(document, job_reports.lines(document), as_json=options["json"])

    def _apply(self, verb: str, chosen: Chosen, options: dict[str, Any]) -> None:
        jobs = chosen.jobs()
        outcome = operations.apply(audit.at_the_shell(), verb, jobs, most=max(jobs.count(), 1), details=str(chosen))
        document = {"verb": verb, "done": outcome.done, "left": len(outcome.refusals), "reasons": outcome.refusals}
        shown = outcome.refusals[:REASONS_SHOWN]
        more = [f"  … and {len(outcome.refusals) - len(shown)} more"] if len(shown) < len(outcome.refusals) else []
        lines = [f"Done for {outcome.done}, left alone {len(outcome.refusals)}."]
        self.report(document, [*lines, *(f"  {reason}" for reason in shown), *more], as_json=options["json"])

    def _purge(self, verb: str, chosen: Chosen, options: dict[str, Any]) -> None:
        if not options["yes"]:
            count = chosen.jobs().filter(state__in=TERMINAL).count()
            line = f"{count} jobs that are over would be forgotten. Say --yes to do it."
            self.report({"verb": verb, "would_purge": count}, [line], as_json=options["json"])
            return
        purged = purging.purge(audit.at_the_shell(), chosen.jobs(), details=str(chosen) or " ".join(chosen.ids))
        document = {"verb": verb, "jobs": purged.jobs, "batches": purged.batches}
        line = f"{purged.jobs} jobs and {purged.batches} batches are forgotten."
        self.report(document, [line], as_json=options["json"])

    def _refuse_unknown(self, chosen: Chosen) -> None:
        known = set(Job.objects.filter(public_id__in=chosen.ids).values_list("public_id", flat=True))
        if unknown := [one for one in chosen.ids if one not in known]:
            raise CommandError(f"There is no job {', '.join(unknown)}. Nothing was changed.")


def _add_conditions(parser: CommandParser) -> None:
    parser.add_argument("--state", action="append", default=[], help="in this state; may be given several times")
    parser.add_argument("--host", default="", help="from this host name")
    parser.add_argument("--owner", default="", help="of the user of this name")
    parser.add_argument("--error-code", default="", help="with this failure code")
    parser.add_argument("--batch", default="", help="of the batch with this id")
    parser.add_argument("--older-than", type=age, help="that came in longer ago than 90m, 36h, 30d or 2w")


def _chosen(options: dict[str, Any]) -> Chosen:
    return Chosen(
        ids=tuple(options.get("ids") or ()),
        states=tuple(options.get("state") or ()),
        host=options.get("host") or "",
        owner=options.get("owner") or "",
        error_code=options.get("error_code") or "",
        batch=options.get("batch") or "",
        older_than=options.get("older_than"),
    )
