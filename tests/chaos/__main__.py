"""`python -m tests.chaos [SCENARIO ...]`: break the service, print the table, write build/chaos/results.json.

Two lanes run at the same time, each part of them in a process of its own. Exits with 1 when any row is bad, or is
missing because time ran out or this machine cannot play it.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from bench.results import machine
from tests.chaos import BUILD, PROJECT
from tests.chaos.catalogue import GROUPS, SCENARIOS
from tests.chaos.hosts import Unavailable
from tests.chaos.scene import Scenario, play, together
from tests.chaos.stages import built
from tests.chaos.verdict import Judge, Row, render

RUN_SECONDS = 600
END_SECONDS = 30  # kept of that, to clear the stage away
DATABASES = ("postgresql", "sqlite")
Part: TypeAlias = tuple[str, str]  # a database and a group of scenarios
# What takes about as long as the other lane. Their downloads wait for the origin, so that two fit beside each other.
LANES: Sequence[Sequence[Part]] = (
    (("postgresql", "plain"),),
    (("sqlite", "plain"), ("sqlite", "particular"), ("postgresql", "particular")),
)


class TimeIsUp(BaseException):
    """Passes through whatever a scenario catches."""


def main() -> int:
    """The exit code."""
    wanted = parse(sys.argv[1:])
    BUILD.mkdir(parents=True, exist_ok=True)
    if wanted.database:
        return play_on(wanted.database, wanted.group, wanted.scenarios, wanted.seconds)
    deadline = time.monotonic() + wanted.seconds
    parts = [part for lane in LANES for part in lane]
    codes: list[int] = []
    together(*(partial(run_lane, lane, wanted.scenarios, deadline, codes) for lane in LANES))
    results = [json.loads(results_of(*part).read_text(encoding="utf-8")) for part in parts]
    rows = [Row(**row) for result in results for row in result["rows"]]
    missing = [line for result in results for line in result["missing"]]
    write(BUILD / "results.json", rows, missing)
    print("", render(rows), *missing, sep="\n")
    return max(codes)


def run_lane(lane: Sequence[Part], names: Sequence[str], deadline: float, codes: list[int]) -> None:
    """One part after the other. Their exit codes are added to `codes`."""
    for database, group in lane:
        seconds = max(int(deadline - time.monotonic()), END_SECONDS + 1)
        where = ("--database", database, "--group", group, "--seconds", str(seconds))
        run = subprocess.Popen([sys.executable, "-m", "tests.chaos", *names, *where], cwd=PROJECT)
        codes.append(run.wait())


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Ends the program when a scenario is unknown."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break the service: what is lost?")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"any of: {', '.join(SCENARIOS)}; all if none")
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--group", choices=("", *GROUPS), default="", help="with --database: only these")
    parser.add_argument("--seconds", type=int, default=RUN_SECONDS, help="bound of the whole run")
    wanted = parser.parse_args(arguments)
    if unknown := set(wanted.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    return wanted


def play_on(database: str, group: str, names: Sequence[str], seconds: int) -> int:
    """All scenarios of one database, or a group of them, within so many seconds. The exit code."""
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.signal(signal.SIGTERM, _time_is_up)
    signal.alarm(seconds - END_SECONDS)
    rows: list[Row] = []
    missing: list[str] = []
    wanted = chosen(names, database, group)
    try:
        for row in played(database, wanted, missing):
            rows.append(row)
            told = f"good {database:10} {row.scenario} ({row.seconds:.0f} s)" if row.is_good else render([row])
            print(told, flush=True)
    except TimeIsUp:
        late = [one.name for one in wanted if one.name not in {row.scenario for row in rows}]
        missing.append(f"NOT PLAYED on {database}, time ran out after {seconds} s: {', '.join(late)}")
    write(results_of(database, group), rows, missing)
    if not group:
        print(render(rows), *missing, sep="\n")
    return 0 if all(row.is_good for row in rows) and not missing else 1


def chosen(names: Sequence[str], database: str, group: str) -> list[Scenario]:
    """Those that are named, all when none is, if they are for the database and of the group."""
    some = GROUPS[group] if group else SCENARIOS.values()
    return [one for one in some if one.name in (names or SCENARIOS) and database in one.databases]


def played(database: str, scenarios: Sequence[Scenario], missing: list[str]) -> Iterator[Row]:
    """A row each. Scenarios that need the same service share one, and so the marks that earlier ones left on it."""
    judge = Judge()
    for variables, some in groupby(scenarios, key=lambda scenario: dict(scenario.variables)):
        try:
            with built(database, variables, judge) as stage:
                for scenario in some:
                    row = play(scenario, stage)
                    if not row.is_good:
                        _keep_log(stage.directory, row)
                    yield row
        except (Unavailable, AssertionError) as error:
            missing.append(f"NOT PLAYED on {database}: {error}")


def results_of(database: str, group: str) -> Path:
    return BUILD / f"{database}-{group or 'all'}.json"


def write(path: Path, rows: Sequence[Row], missing: Sequence[str]) -> None:
    content = {"machine": machine(), "rows": [row.record() for row in rows], "missing": missing}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _keep_log(directory: Path, row: Row) -> None:
    name = f"{row.database}-{row.scenario}.log".replace(" ", "-").replace(",", "").replace("'", "")
    (BUILD / name).write_bytes((directory / "service.log").read_bytes())


def _time_is_up(signum: int, frame: object) -> None:
    raise TimeIsUp


if __name__ == "__main__":
    sys.exit(main())
