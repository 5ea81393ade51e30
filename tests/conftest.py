"""Fixtures and reports that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import User
from tests.browser import chromium
from tests.factories import make_user
from tests.journeys.stack import Stack, running_stack
from tests.origin.fixtures import *  # noqa: F403


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors: tests wait for services and children as much as they compute."""
    return (os.cpu_count() or 1) + 1


HERE = Path(__file__).parent
LONG = (
    *("browser", "chaos", "journeys", "docs", "deploy", "downloader_project"),
    *("attacks", "jobs/engine", "jobs/management"),
)


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {database_name()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what touches the database, by a mark or by a fixture, so that it can run again on another one.

    Modules that take minutes come first, or one process would be left with them in the end.
    """
    items.sort(key=_turn)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        # Threads and processes on a machine that others may load: what passes the next time is reported as rerun.
        is_slow = item.get_closest_marker("slow") is not None
        item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=5) if is_slow else pytest.mark.flaky(reruns=1))
        if item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db"}:
            item.add_marker("database")


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(HERE).as_posix()
    return next((turn for turn, long in enumerate(LONG) if name.startswith(f"{long}/")), len(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"These tests ran on {database_name()}.")
    for sentence in chromium.lacks():
        terminalreporter.write_line(sentence, red=True, bold=True)


def database_name() -> str:
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]


@pytest.fixture
def owner(db: None) -> User:
    return make_user()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, started as `make run` starts it, shared by the tests of one process."""
    with running_stack(tmp_path_factory.mktemp("stack")) as service:
        yield service
