"""One row of the table: what became of a scenario's jobs, files, messages, processes and directories."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.load import Kind, Load, original
from tests.chaos.service import Service
from tests.receiver import Receiver

MOST_UNLEASED_SECONDS = 30.0
MOST_AGAIN_PERCENT = 5.0
ENDS = {"completed": "download.completed", "failed": "download.failed", "cancelled": "download.cancelled"}
HEADINGS = (
    *("scenario", "database", "jobs", "ended as", "wrong", "orphans", "unleased s", "events", "webhooks", "again %"),
    *("s", "ok"),
)


@dataclass
class Row:
    """What was found. Every list names what is wrong; all empty is well."""

    scenario: str
    database: str
    jobs: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)
    wrong_files: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unleased_seconds: float = 0.0
    events: list[str] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)
    resent: int = 0  # the same message again, under its id: what a sender's death costs, and a receiver can tell
    again_percent: float = 0.0
    seconds: float = 0.0
    broken: str = ""  # the scenario itself went wrong

    @property
    def is_good(self) -> bool:
        is_bounded = self.unleased_seconds <= MOST_UNLEASED_SECONDS and self.again_percent <= MOST_AGAIN_PERCENT
        wrong = (self.unfinished, self.wrong_files, self.orphans, self.events, self.webhooks, self.broken)
        return is_bounded and not any(wrong)

    def cells(self) -> tuple[str, ...]:
        ended = ", ".join(f"{count} {state}" for state, count in sorted(self.ended.items()))
        return (
            self.scenario,
            self.database,
            str(self.jobs),
            ended + (f", {len(self.unfinished)} NOT AS THEY SHOULD" if self.unfinished else ""),
            str(len(self.wrong_files)),
            str(len(self.orphans)),
            f"{self.unleased_seconds:.1f}",
            str(len(self.events)),
            str(len(self.webhooks)),
            f"{self.again_percent:.1f}",
            f"{self.seconds:.0f}",
            "yes" if self.is_good else "NO",
        )

    def record(self) -> dict[str, Any]:
        return asdict(self)


def render(rows: Sequence[Row]) -> str:
    """A Markdown table, its columns aligned, and what is wrong below it."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        troubles = (row.unfinished, row.wrong_files, row.orphans, row.events, row.webhooks, [row.broken])
        found = [trouble for some in troubles for trouble in some if trouble]
        if not row.is_good:
            text.append(f"\n{row.scenario} on {row.database}:")
            text += [f"  {trouble}" for trouble in found[:12]] or ["  a bound is exceeded"]
    return "\n".join(text)


class Judge:
    """Compares what is with what should be. Learns what ffmpeg makes of each kind from the first that it sees."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}

    def judge(
        self, row: Row, service: Service, load: Load, receiver: Receiver, expected: Mapping[str, set[str]]
    ) -> None:
        """Fill the row. `expected` names the ends that are right for a job; of others, only completion is."""
        states = service.ledger.states(load.jobs)
        row.jobs = len(load.jobs)
        row.ended = dict(Counter(states.values()))
        row.unfinished = [
            f"{job} ({load.kinds[job].path}) is {states.get(job, 'lost')}: {_why(service, job)}"
            for job in load.jobs
            if states.get(job) not in expected.get(job, {"completed"})
        ]
        if doubled := load.doubled(service):
            row.unfinished.append(f"{doubled} jobs more than were asked for")
        row.wrong_files = self._wrong_files(service, load, states)
        row.events = list(_wrong_events(service, load, states))
        row.webhooks, row.resent = _wrong_webhooks(service, load, states, receiver)

    def _wrong_files(self, service: Service, load: Load, states: Mapping[str, str]) -> list[str]:
        wrong = [f"a stored file that no job knows: {name}" for name in service.stray_files()]
        files = service.ledger.files(load.jobs)
        counts = Counter(job for job, *_ in files)
        wrong += [f"{job} is {state} with {counts[job]} files" for job, state in states.items()
                  if counts[job] != (state == "completed")]  # fmt: skip
        for job, path, recorded in files:
            stored = service.storage / "files" / path
            found = hashlib.sha256(stored.read_bytes()).hexdigest() if stored.is_file() else "nothing"
            right = self._right(load.kinds[job], found)
            if not found == recorded == right:
                wrong.append(f"{job}: {path} has {found[:12]}, recorded {recorded[:12]}, right is {right[:12]}")
        return wrong

    def _right(self, kind: Kind, found: str) -> str:
        return original(kind.plain) if kind.plain else self._made.setdefault(f"{kind.path} {kind.fields}", found)


def _why(service: Service, job: str) -> str:
    found = service.ledger.rows(f"SELECT error_code, error FROM jobs_job WHERE public_id = '{job}'")
    return ": ".join(str(part) for part in found[0]) if found else "no row"


def _wrong_events(service: Service, load: Load, states: Mapping[str, str]) -> list[str]:
    """Each move must begin where the one before it ended, and only the last one may lead to an end."""
    wrong = []
    for job, moves in service.ledger.events(load.jobs).items():
        sources = [source for source, _ in moves]
        targets = [target for _, target in moves]
        is_chain = sources == ["", *targets[:-1]]
        ends = [target for target in targets if target in ENDS]
        if not is_chain or ends != [states[job]]:
            wrong.append(f"{job} is {states[job]} after {targets}")
    return wrong + [f"{job} has no event" for job in set(load.jobs) - set(service.ledger.events(load.jobs))]


def _wrong_webhooks(
    service: Service, load: Load, states: Mapping[str, str], receiver: Receiver
) -> tuple[list[str], int]:
    """One message for the first start and one for the end, each under one id; and how many came more than once."""
    ids: dict[tuple[str, str], set[str]] = {}
    came = 0
    for request in receiver.requests:
        body = request.json()
        if body["request_id"] in load.kinds:
            ids.setdefault((body["request_id"], body["event"]), set()).add(request.headers["webhook-id"])
            came += 1
    wrong = []
    for job, moves in service.ledger.events(load.jobs).items():
        told = {"download.started"} if any(target == "running" for _, target in moves) else set()
        told |= {ENDS[states[job]]} if states[job] in ENDS else set()
        for event in sorted(set(ENDS.values()) | {"download.started"}):
            count = len(ids.get((job, event), ()))
            if count != (event in told):
                wrong.append(f"{job}: {event} came under {count} ids")
    return wrong, came - sum(len(some) for some in ids.values())
