"""One scenario on one service: its downloads are under way, something breaks, and all must come to its right end."""

import signal
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg

from tests.chaos.ledger import Watch
from tests.chaos.load import MIX, Kind, Load, wait
from tests.chaos.service import LEASE_SECONDS, Service
from tests.chaos.units import kill_all
from tests.chaos.verdict import Judge, Row
from tests.journeys.stack import free_port
from tests.origin.server import Origin
from tests.postgres import Server
from tests.receiver import Receiver
from tests.redis import running_redis

UNDER_WAY = 6
ADVANCED = 3  # downloads that have more than so much when something breaks: of a beginning, all is soon a large part
ADVANCED_BYTES = 1_000_000
START_SECONDS = 60
END_SECONDS = 100
SETTLE_SECONDS = 40
LOOPBACK = "127.0.0.1"
ENDED = ("completed", "failed", "cancelled")


class OwnRedis:
    """A Redis that can be stopped, and started again with nothing in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._running = ExitStack()
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self._running.enter_context(running_redis(self._directory, port=self._port))

    def stop(self) -> None:
        self._running.close()


@dataclass
class Scene:
    """What an act has at hand."""

    service: Service
    load: Load
    postgres: Server | None = None
    redis: OwnRedis | None = None
    expected: dict[str, set[str]] = field(default_factory=dict)  # ends that are right for a job, if not completion
    remarks: list[str] = field(default_factory=list)  # what the act itself found wrong

    def require(self, holds: bool, remark: str) -> None:
        """Note what is wrong and go on: the rest of the scenario tells more."""
        if not holds:
            self.remarks.append(remark)

    def kill(self, pids: Sequence[int], number: signal.Signals = signal.SIGKILL) -> None:
        """Signal each that still lives. If none does, nothing was broken, and the scenario shows nothing."""
        self.require(kill_all(pids, number) > 0, "nobody was there to be killed")

    def wait(self, holds: Callable[[], object], *, seconds: float, what: str) -> None:
        wait(holds, seconds=seconds, what=what)

    def states(self) -> dict[str, str]:
        return self.service.ledger.states(self.load.jobs)

    def under_way(self, *, beyond_bytes: int = 0) -> int:
        """Downloads of which more than so many bytes came."""
        rows = self.service.ledger.rows(
            f"SELECT count(*) FROM jobs_job WHERE state = 'running' AND downloaded_bytes > {beyond_bytes}"
        )
        return int(rows[0][0])


@dataclass(frozen=True)
class Scenario:
    """What breaks, and with what. `act` returns when it is over and everything is in place again."""

    name: str
    act: Callable[[Scene], None]
    databases: Sequence[str] = ("postgresql",)  # where both are the same to it, the one that production has
    mix: Sequence[Kind] = MIX
    variables: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[Kind, set[str]] = field(default_factory=dict)
    under_way: int = UNDER_WAY
    # Not where processes freeze, or find no room: what they never kept was sent all the same. Nor where a job moves to
    # another host.
    counts_bytes: bool = True


@dataclass(frozen=True)
class Stage:
    """Where scenarios are played: a running service, its receiver of webhooks, and what is known of right files."""

    service: Service
    receiver: Receiver
    judge: Judge
    database: str
    directory: Path
    postgres: Server | None = None
    redis: OwnRedis | None = None
    host: str = LOOPBACK  # this machine, as the workers see it

    @property
    def is_spread(self) -> bool:
        """Whether workers have networks of their own."""
        return self.host != LOOPBACK


def play(scenario: Scenario, stage: Stage) -> Row:
    """The scenario's row. Never raises for what goes wrong in it: that is what the row tells."""
    row = Row(scenario.name, stage.database)
    begun = time.monotonic()
    watch = Watch(stage.service.ledger, LEASE_SECONDS)
    with Origin(host="0.0.0.0" if stage.is_spread else LOOPBACK) as origin, watch:
        scene = Scene(stage.service, Load(origin, f"{stage.host}:{origin.port}"), stage.postgres, stage.redis)
        try:
            _play(scenario, stage, scene)
        except AssertionError as error:
            row.broken = str(error)
        row.broken = "; ".join([*([row.broken] if row.broken else []), *scene.remarks])
        row.orphans = _strays(stage.service)
        stage.judge.judge(row, stage.service, scene.load, stage.receiver, scene.expected)
        row.again_percent = scene.load.fetched_again() if scenario.counts_bytes else 0.0
        row.unleased_seconds = watch.longest_seconds
    row.seconds = time.monotonic() - begun
    return row


def _play(scenario: Scenario, stage: Stage, scene: Scene) -> None:
    for kind in scenario.mix:
        job = scene.load.submit(stage.service, kind)
        if kind in scenario.expected:
            scene.expected[job] = scenario.expected[kind]
    scene.wait(lambda: scene.under_way() >= scenario.under_way, seconds=START_SECONDS, what="downloads are under way")
    if scenario.counts_bytes:
        are_advanced = partial(scene.under_way, beyond_bytes=ADVANCED_BYTES)
        scene.wait(lambda: are_advanced() >= ADVANCED, seconds=START_SECONDS, what="some have come far")
    scenario.act(scene)
    scene.wait(lambda: _are_over(scene), seconds=END_SECONDS, what="every job has ended")
    scene.wait(lambda: not stage.service.ledger.undelivered(), seconds=SETTLE_SECONDS, what="every message is sent")


def _are_over(scene: Scene) -> bool:
    try:
        states = scene.states()
    except (sqlite3.Error, psycopg.Error):  # the act may have left the database recovering
        return False
    return len(states) == len(scene.load.jobs) and set(states.values()) <= set(ENDED)


def _strays(service: Service) -> list[str]:
    """What is left of the downloads when all have ended, and the service had the time to look."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (left := service.strays()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def together(*acts: Callable[[], object]) -> None:
    """Run them at the same time, to their ends. Raises what one of them raised."""
    with ThreadPoolExecutor(len(acts)) as threads:
        running = [threads.submit(act) for act in acts]
    for one in running:
        one.result()
