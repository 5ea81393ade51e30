"""The fixture `origin`: a fresh media origin for one test."""

from collections.abc import Iterator

import pytest

from tests.origin.server import Origin

__all__ = ["origin"]


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A running origin with a port and a memory of its own; a stalled transfer ends with the test."""
    with Origin() as running:
        yield running
