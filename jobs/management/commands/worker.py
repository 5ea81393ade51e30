"""Runs this host's workers: downloads, retries, retention and the other chores."""

import importlib
import sys
import warnings
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.checks import check_middleware
from django.core.checks import Tags
from django.core.checks.registry import registry
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from jobs.optional import without

with without("cffi", "chardet", "charset_normalizer"), warnings.catch_warnings():  # 5 MB, for guesses nobody asks for
    warnings.simplefilter("ignore")  # requests misses the two
    importlib.import_module("yt_dlp.dependencies")

from jobs import (
    chores,
    figures,
    health,
    queries,
    storage,
    tasks,  # noqa: F401  (the pool calls them by name: loaded here, they are shared)
)
from jobs.engine import environment, surroundings
from jobs.engine.warm import warm
from jobs.management import engine_choice
from jobs.queue import cluster

log = structlog.get_logger(__name__)

# These checks load every view, form and page of the web: 19 MB that no worker needs. `manage.py run` makes them all.
OF_THE_WEB = frozenset({Tags.admin, Tags.commands, Tags.security, Tags.templates, Tags.urls})


class Command(BaseCommand):
    help = "Run the workers until SIGTERM or Ctrl-C; ends within SHUTDOWN_GRACE_SECONDS."

    def check(self, *arguments: Any, **options: Any) -> None:
        """Django's, of what a worker uses."""
        needed = {one for one in registry.registered_checks if not OF_THE_WEB & {*one.tags}}
        registry.registered_checks = needed - {check_middleware}
        super().check(*arguments, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="do not run; say in one line whether this machine's worker is alive, and exit with 0 if it is",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
            return
        engine_choice.adopt()
        database = connections.settings["default"]
        database["OPTIONS"].pop("pool", None)  # a pool has threads, which do not survive a fork
        database["CONN_MAX_AGE"] = None
        cluster.run(prepare=prepare, tick=chores.Clock().tick, tools=tools)

    def _check(self) -> None:
        try:
            self.stdout.write(f"ok: {health.worker_here()}")
        except health.CheckFailed as error:
            self.stdout.write(f"failed: {error}")
            sys.exit(1)
        except DatabaseError:
            self.stdout.write("failed: the database does not answer, so nobody knows; see DATABASE_URL")
            sys.exit(1)


def tools() -> dict[str, str]:
    """What downloads have to work with here, now."""
    return figures.tools_here(sys.modules["yt_dlp.version"].__version__)


def prepare() -> None:
    """Load all that downloads need, and put right what the last workers left."""
    found = queries.tools()
    environment.hide()
    if trouble := surroundings.trouble(found, settings.WORK_DIR):
        log.warning("the kernel confines downloads less than it should", trouble=trouble)
    warm(found)
    storage.load()
    chores.start_worker()
