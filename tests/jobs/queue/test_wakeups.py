import pytest

from jobs.queue import wakeups


def test_a_broker_out_of_reach_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(wakeups, "async_task", refuse)

    wakeups.wake()
