"""Pages of a local origin, and workers that are woken up for them."""

import pytest
from pytest_django import Settings

from accounts.models import User
from jobs import queue
from tests.factories import make_user


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user()


@pytest.fixture(autouse=True)
def near(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(queue, "wake", lambda: calls.append("wake"))
    return calls
