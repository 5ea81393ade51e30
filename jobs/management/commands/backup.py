"""`manage.py backup PATH`: database, secrets and, if asked, results, while the service runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.management.backups import making
from jobs.management.backups.manifest import Unusable


class Command(BaseCommand):
    help = "Write a back-up of the database, the generated secrets and, if asked, the results into a new directory."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="directory to be made; its parent may be a mounted disk")
        parser.add_argument("--results", action="store_true", help="copy the results, too")
        parser.add_argument("--portable", action="store_true", help="the database as rows that fit every kind")
        parser.add_argument("--force", action="store_true", help="replace a back-up that is there")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"].absolute()
        try:
            made = making.make(
                path, with_results=options["results"], as_rows=options["portable"], overwrite=options["force"]
            )
        except (Unusable, OSError) as error:
            raise CommandError(f"No back-up was made. {error}") from error
        self.stdout.write(f"{path}: {made.size_bytes} bytes, database as {made.database}, {made.results} results")
        if made.vanished:
            self.stdout.write(f"{made.vanished} results went while they were copied, and are not in it")
        for name in made.from_environment:
            self.stdout.write(f"{name} comes from the environment and is not in it: keep it with the back-up")
        self.stdout.write("It opens accounts and cookies: keep it as safe as the service itself")
