"""Fixtures and reports that all tests share."""

from collections.abc import Iterator

import pytest
from django.db import connection

from accounts.models import User
from tests.factories import make_user
from tests.journeys.stack import Stack, running_stack
from tests.origin.fixtures import *  # noqa: F403


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {database_name()}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what touches the database, by a mark or by a fixture, so that it can run again on another one."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db"}:
            item.add_marker("database")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"These tests ran on {database_name()}.")


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
