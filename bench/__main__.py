"""`python -m bench [ROW ...]`: measure, print the table, write build/bench/results.json.

Exits with 0 when every row was measured, whether or not it meets its target; with 1 otherwise.
"""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Sequence

from bench import BUILD, results, table
from bench.figures import Figure
from bench.rows import ROWS
from bench.workbench import Workbench, workbench

RUN_SECONDS = 360

log = logging.getLogger("bench")


class TimeIsUp(BaseException):
    """Passes through whatever a row catches."""


def main() -> int:
    """The exit code."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    wanted = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.alarm(RUN_SECONDS)
    figures: list[Figure] = []
    with workbench() as bench:
        try:
            for row in wanted:
                figures += _measure(row, bench)
        except TimeIsUp:
            log.error("the whole run took longer than %d s", RUN_SECONDS)  # noqa: TRY400  (where it stood matters little)
        results.write(BUILD / "results.json", figures, tools=bench.tools, origin=bench.origin.program)
    print(table.render(figures))
    return 0 if {figure.row for figure in figures} == set(wanted) else 1


def parse(arguments: Sequence[str]) -> list[str]:
    """The rows to measure, in the table's order. Ends the program when one is unknown."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the service against plain yt-dlp.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {' '.join(ROWS)}; all when none is named")
    rows = set(parser.parse_args(arguments).rows)
    if unknown := rows - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return [row for row in ROWS if not rows or row in rows]


def _measure(row: str, bench: Workbench) -> list[Figure]:
    """A row that fails leaves the others their chance."""
    begun = time.monotonic()
    try:
        figures = ROWS[row](bench)
    except Exception:
        log.exception("row %s could not be measured", row)
        return []
    log.info("row %s took %.0f s", row, time.monotonic() - begun)
    return figures


def _end(signum: int, frame: object) -> None:
    raise SystemExit(1)


def _time_is_up(signum: int, frame: object) -> None:
    raise TimeIsUp


if __name__ == "__main__":
    sys.exit(main())
