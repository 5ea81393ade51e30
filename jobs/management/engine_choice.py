"""Which yt-dlp a worker runs with: the one that `update_engine` chose, else the one that came with the service.

This program starts anew with the chosen one's directory in front of all others, before anything has loaded yt-dlp.
"""

import os
import sys

import structlog
from django.conf import settings

from jobs.engine import updates
from jobs.engine.updates import EngineRefused

ACTIVE = "ENGINE_DIRECTORY"  # in the environment of a worker that has started anew: what it runs with
log = structlog.get_logger(__name__)


def adopt() -> None:
    """Go on with the chosen engine; does not return if another one is loaded. A broken one is never in the way."""
    wanted, active = _usable(os.environ.get(ACTIVE, "")), os.environ.get(ACTIVE, "")
    if wanted == active:
        return
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != active]
    os.environ["PYTHONPATH"] = os.pathsep.join([wanted, *others] if wanted else others)
    os.environ[ACTIVE] = wanted
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606


def _usable(active: str) -> str:
    """The chosen engine's directory, if it can be loaded; empty for the one that came with the service."""
    chosen = updates.chosen(settings.ENGINE_DIR)
    if chosen is None or str(chosen) == active:
        return str(chosen or "")
    try:
        updates.load(chosen)
    except (EngineRefused, OSError):
        log.exception("chosen engine is broken: the one that came with the service is used", engine=chosen.name)
        return ""
    return str(chosen)
