"""Sets up, then serves everything on this machine: web and workers, as the Procfile says."""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Set up, then run the web server and the workers until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("setup")
        self.stdout.flush()
        programs = Path(sys.executable).parent
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        os.chdir(settings.BASE_DIR)
        os.environ["END_WITH_PARENT"] = "true"
        arguments = [str(settings.PORT), str(settings.SHUTDOWN_GRACE_SECONDS)]
        os.execv(sys.executable, [sys.executable, "-m", "jobs.management.launcher", *arguments])  # noqa: S606
