"""The short form of `make chaos`: the scenarios that tell most, with few downloads."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.chaos.catalogue import SCENARIOS, SHORT
from tests.chaos.scene import Stage, play
from tests.chaos.stages import built
from tests.chaos.verdict import Judge, render

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def on_sqlite() -> Iterator[Stage]:
    with built("sqlite", {}, Judge()) as stage:
        yield stage


@pytest.fixture(scope="module")
def on_postgres() -> Iterator[Stage]:
    """A server of its own, which may be stopped."""
    with built("postgresql", {}, Judge()) as stage:
        yield stage


@pytest.mark.parametrize("name", ["cluster killed", "deploy"])
def test_nothing_is_lost_on_sqlite(on_sqlite: Stage, name: str) -> None:
    assert_nothing_is_lost(on_sqlite, name)


@pytest.mark.parametrize("name", ["killed between publishing and recording"])
def test_nothing_is_lost_on_postgresql(on_postgres: Stage, name: str) -> None:
    assert_nothing_is_lost(on_postgres, name)


def assert_nothing_is_lost(stage: Stage, name: str) -> None:
    # Of so few bytes, those that a killed process had in memory are a large part.
    row = play(replace(SCENARIOS[name], mix=SHORT, under_way=2, counts_bytes=False), stage)

    assert row.is_good, f"{render([row])}\n{stage.service.log()[-3000:]}"
