"""`manage.py restore PATH`: what `manage.py backup` wrote, into an empty installation or over this one."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.management.backups import restoring
from jobs.management.backups.manifest import Unusable


class Command(BaseCommand):
    help = "Bring a back-up back, checked first and migrated to this version. The service must be stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="what `manage.py backup` made")
        parser.add_argument("--force", action="store_true", help="replace all that this installation has")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = restoring.restore(options["path"].absolute(), overwrite=options["force"])
        except (Unusable, OSError) as error:
            raise CommandError(f"{error}") from error
        self.stdout.write(
            f"Restored what version {restored.version} backed up at {restored.created_at}, "
            f"with {restored.results} results"
        )
        if restored.missing:
            self.stdout.write(
                f"{restored.missing} results are not in the storage: `manage.py storage repair` expires their jobs"
            )
        if restored.lacks_keys:
            raise CommandError(
                "The back-up was made with ENCRYPTION_KEYS that are not here: set the variable to what it was, or "
                "cookies and webhook secrets cannot be read."
            )
