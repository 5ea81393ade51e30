"""Waiting for a database that restarts. What a download took hours for must not be lost for that."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connections

log = structlog.get_logger(__name__)

DATABASE_PATIENCE_SECONDS = 60.0
DATABASE_POLL_SECONDS = 0.5

T = TypeVar("T")


def patiently(act: Callable[..., T], *arguments: Any) -> T:
    """Call a function that writes to the database, again until DATABASE_PATIENCE_SECONDS are over while that is down.

    `act` is one transaction, and harmless to repeat: one that was cut off may have come to pass.
    """
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return act(*arguments)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("database out of reach", error=type(error).__name__)
            connections.close_all()
            time.sleep(DATABASE_POLL_SECONDS)
