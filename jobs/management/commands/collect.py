"""Makes what the web server hands out as it stands: pages' files, and the manual. Repeatable, and done in images."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand

STATIC_STAMP = ".collected"
NEVER_SERVED = ["swagger-ui-es-bundle*", "swagger-ui.js", "swagger-ui.js.map"]


class Command(BaseCommand):
    help = "Collect and compress the pages' files, and build the manual."

    def handle(self, *args: Any, **options: Any) -> None:
        collect_static_files()
        build_manual()


def build_manual() -> None:
    """Build the pages under /help/, unless the documentation is as it was."""
    from manual.build import build  # noqa: PLC0415 - a start that has nothing to build should not pay for it

    build(settings.BASE_DIR, Path(settings.MANUAL_ROOT))


def collect_static_files() -> None:
    """Collect and compress the pages' files, unless nothing changed since the last time.

    Where they cannot be written, in an image with a read-only root, those that it was built with are the right ones.
    """
    root = Path(settings.STATIC_ROOT)
    stamp = root / STATIC_STAMP
    if stamp.is_file() and not os.access(root, os.W_OK):
        return
    root.mkdir(parents=True, exist_ok=True)
    state = _static_state()
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another start may be collecting right now
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != state:
            call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=NEVER_SERVED)
            stamp.write_text(state, encoding="ascii")


def _static_state() -> str:
    """A digest of every static file's name, size and time."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
