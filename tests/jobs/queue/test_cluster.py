import pytest

from jobs.queue import process
from jobs.queue.cluster import HANG_SECONDS, PoolWatch


@pytest.fixture
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "seconds_since_life", lambda: 1000.0)


@pytest.mark.usefixtures("nobody_works")
def test_a_pool_that_leaves_wakeups_waiting_hangs_in_the_end() -> None:
    watch = PoolWatch()

    assert not watch.hangs(0, waiting=1)
    assert not watch.hangs(HANG_SECONDS, waiting=1)
    assert watch.hangs(HANG_SECONDS + 1, waiting=1)


@pytest.mark.usefixtures("nobody_works")
def test_an_idle_pool_does_not_hang_when_work_comes_at_last() -> None:
    watch = PoolWatch()

    assert not watch.hangs(0, waiting=0)
    assert not watch.hangs(10_000, waiting=1)


def test_a_busy_pool_does_not_hang_however_much_waits() -> None:
    process.show_life()
    watch = PoolWatch()

    assert not watch.hangs(0, waiting=9)
    assert not watch.hangs(HANG_SECONDS + 1, waiting=9)
