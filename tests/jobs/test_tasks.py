import pytest

from jobs import queue, tasks
from jobs.queue import process


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(queue, "wake", lambda: calls.append("work"))
    return calls


def test_a_draining_worker_begins_nothing_and_wakes_nobody(monkeypatch: pytest.MonkeyPatch, woken: list[str]) -> None:
    begun: list[int] = []
    monkeypatch.setattr(process, "is_draining", lambda: True)
    monkeypatch.setattr(tasks, "_run_next", lambda: bool(begun.append(1)) or True)

    tasks.work()

    assert (begun, woken) == ([], [])


def test_a_worker_that_drains_while_it_works_wakes_another(monkeypatch: pytest.MonkeyPatch, woken: list[str]) -> None:
    begun: list[int] = []
    monkeypatch.setattr(process, "is_draining", lambda: bool(begun))
    monkeypatch.setattr(tasks, "_run_next", lambda: bool(begun.append(1)) or True)

    tasks.work()

    assert (begun, woken) == ([1], ["work"])
