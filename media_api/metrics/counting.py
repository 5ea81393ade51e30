"""prometheus_client, set up for how this process counts. To be imported before anything that makes a metric."""

from collections.abc import Callable
from pathlib import Path

import prometheus_client.values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

_directory: Path | None = None


def share(directory: Path, place: Callable[[], str]) -> None:
    """Count in files of `directory` that all processes of this server read, each in its own place.

    A second call changes nothing: two writers of one file would spoil it.
    """
    global _directory  # noqa: PLW0603  (there is one prometheus_client in a process)
    if _directory is None:
        _directory = directory
        prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue(place)  # type: ignore[no-untyped-call]


def counted() -> Collector:
    """The counts of all processes of this server; where there is but this one, its own."""
    return REGISTRY if _directory is None else MultiProcessCollector(None, path=str(_directory))  # type: ignore[no-untyped-call]
