"""Runs this host's workers: downloads, retries, retention and the other chores."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from jobs import chores, queries, tasks  # noqa: F401  (the pool calls tasks by name: loaded here, they are shared)
from jobs.engine.warm import warm
from jobs.queue import cluster


class Command(BaseCommand):
    help = "Run the workers until SIGTERM or Ctrl-C; ends within SHUTDOWN_GRACE_SECONDS."

    def handle(self, *args: Any, **options: Any) -> None:
        database = connections.settings["default"]
        database["OPTIONS"].pop("pool", None)  # a pool has threads, which do not survive a fork
        database["CONN_MAX_AGE"] = None
        cluster.run(prepare=prepare, tick=chores.Clock().tick)


def prepare() -> None:
    """Load all that downloads need, and put right what the last workers left."""
    warm(queries.tools())
    chores.start_worker()
