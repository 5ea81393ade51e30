import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from django.db.utils import ConnectionHandler

from jobs.queue import cluster, process, wakeups


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], cluster.Rounds]:
    monkeypatch.setattr(cluster, "_beat", lambda _: None)
    monkeypatch.setattr(wakeups, "waiting", lambda: 0)
    monkeypatch.setattr(cluster, "_force_exit_later", lambda: None)
    return lambda tick: with_pusher(cluster.Rounds(tick, dict), Empty())


class Empty:
    """A pusher whose broker has nothing."""

    def has_room(self) -> bool:
        time.sleep(0.01)
        return True

    def take(self) -> list[dict[str, Any]]:
        return []


def with_pusher(rounds: cluster.Rounds, pusher: Any) -> cluster.Rounds:
    rounds.pusher = pusher
    return rounds


def test_between_two_looks_at_the_pool_a_second_ticks_once(rounds: Callable[..., cluster.Rounds]) -> None:
    ticks: list[float] = []
    between = rounds(lambda: ticks.append(time.monotonic()))

    assert not between.wait(0.05)
    assert not between.wait(0.05)
    assert len(ticks) == 1


def test_who_drains_waits_no_longer(rounds: Callable[..., cluster.Rounds], monkeypatch: pytest.MonkeyPatch) -> None:
    draining: list[bool] = []
    monkeypatch.setattr(process, "is_draining", lambda: bool(draining))
    between = rounds(lambda: draining.append(True))

    assert between.wait(3600)
    assert between.is_set()


def test_a_tick_that_fails_stops_nothing(
    rounds: Callable[..., cluster.Rounds], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ConnectionError("no database")

    monkeypatch.setattr(ConnectionHandler, "close_all", lambda _: None)

    assert not rounds(fail).wait(0.01)


def test_a_pool_that_takes_no_work_is_lost(
    rounds: Callable[..., cluster.Rounds], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.PoolWatch, "hangs", lambda *_, **__: True)

    with pytest.raises(cluster.PoolLost, match="take no work"):
        rounds(lambda: None).wait(1)


def test_a_guard_that_hangs_is_replaced_and_one_that_waits_is_not(
    rounds: Callable[..., cluster.Rounds], monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[str] = []

    def replace(_: Any, trouble: str) -> None:
        replaced.append(trouble)
        raise SystemExit

    monkeypatch.setattr(cluster, "_start_anew", replace)
    monkeypatch.setattr(cluster, "BEAT_SECONDS", 0.01)
    between = rounds(lambda: None)
    between.looking_since = time.monotonic() - cluster.HANG_SECONDS + 0.1

    with pytest.raises(SystemExit):
        cluster._watch(between, cast(Any, None))

    assert time.monotonic() - between.looking_since > cluster.HANG_SECONDS
    assert replaced == ["its guard hangs"]


def test_wakeups_go_to_the_pool_between_two_looks(rounds: Callable[..., cluster.Rounds]) -> None:
    class OfTwo(Empty):
        def __init__(self) -> None:
            self.left, self.pushed = [{"func": "a"}, {"func": "b"}], list[Any]()

        def take(self) -> list[dict[str, Any]]:
            return [self.left.pop(0)] if self.left else []

        def push(self, wakeup: dict[str, Any]) -> None:
            self.pushed.append(wakeup)

    pusher = OfTwo()

    between = with_pusher(rounds(lambda: None), pusher)
    deadline = time.monotonic() + 10
    while len(pusher.pushed) < 2 and time.monotonic() < deadline:
        assert not between.wait(0.05)

    assert pusher.pushed == [{"func": "a"}, {"func": "b"}]


def test_a_broker_that_is_away_stops_nothing(
    rounds: Callable[..., cluster.Rounds], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(Empty):
        def take(self) -> list[dict[str, Any]]:
            raise ConnectionError("no broker")

    monkeypatch.setattr(ConnectionHandler, "close_all", lambda _: None)

    between = with_pusher(rounds(lambda: None), Away())
    deadline = time.monotonic() + 10
    while "no wake-ups" not in caplog.text and time.monotonic() < deadline:
        assert not between.wait(0.05)

    assert "no wake-ups" in caplog.text
