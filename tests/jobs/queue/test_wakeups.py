import pytest
from pytest_django import Settings

from jobs.queue import wakeups


def test_a_broker_out_of_reach_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(wakeups, "async_task", refuse)

    wakeups.wake()


@pytest.mark.parametrize(("jobs", "woken"), [(0, 0), (2, 2), (50, 3)])
def test_as_many_workers_are_woken_as_may_run(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, jobs: int, woken: int
) -> None:
    settings.MAX_CONCURRENT_DOWNLOADS = 3
    tasks: list[str] = []
    monkeypatch.setattr(wakeups, "async_task", tasks.append)

    wakeups.wake_for(jobs)

    assert tasks == [wakeups.WORK] * woken
