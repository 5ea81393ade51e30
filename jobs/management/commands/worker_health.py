"""Tells whether the workers of this host live: for the health check of a container that runs nothing else."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from jobs import queries
from jobs.queue.process import HOST


class Command(BaseCommand):
    help = "Exit with 0 if the workers of this host gave a sign of life within the last half minute, else with 1."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            is_alive = queries.living_workers().filter(host=HOST).exists()
        except DatabaseError as error:
            raise CommandError(f"The database does not answer: {error}") from error
        if not is_alive:
            raise CommandError(f"No worker of the host {HOST} is alive.")
        self.stdout.write("alive")
