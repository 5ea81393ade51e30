"""`manage.py update_engine VERSION`: run downloads with another yt-dlp, without a new image; or go back."""

import importlib.metadata
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser

from jobs.engine import updates
from jobs.engine.updates import EngineRefused

BUILT_IN = "the one that came with the service"


class Command(BaseCommand):
    help = "Install a version of yt-dlp beside the one that came with the service, try it out and choose it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("engine", nargs="?", metavar="VERSION", help="such as 2026.10.26")
        parser.add_argument("--sha256", default="", help="digest that the wheel must have")
        parser.add_argument("--rollback", action="store_true", help="go back to the one chosen before")
        parser.add_argument("--list", action="store_true", help="show what is there")

    def handle(self, *args: Any, engine: str | None, sha256: str, **options: Any) -> None:
        try:
            if options["list"]:
                self._list()
            elif options["rollback"]:
                self._chosen(updates.roll_back(settings.ENGINE_DIR))
            elif engine:
                self._update(engine, sha256)
            else:
                raise CommandError("Name a version, or give --list or --rollback.")
        except EngineRefused as refusal:
            raise CommandError(f"{refusal}\nNothing was changed.") from refusal

    def _update(self, version: str, sha256: str) -> None:
        directory = updates.install(settings.ENGINE_DIR, version, sha256=sha256)
        self.stdout.write(f"yt-dlp {version} is installed; it is being tried out.")
        updates.try_out(directory, ffmpeg_location=settings.FFMPEG_LOCATION, stand_ins=settings.STORAGE_DIR / "tools")
        updates.choose(settings.ENGINE_DIR, version)
        self._chosen(version)

    def _chosen(self, version: str) -> None:
        name = f"yt-dlp {version}" if version else f"yt-dlp {importlib.metadata.version('yt-dlp')}, {BUILT_IN},"
        self.stdout.write(f"{name} is chosen. Workers take it when they start next: restart them.")

    def _list(self) -> None:
        chosen = updates.chosen(settings.ENGINE_DIR)
        built_in = importlib.metadata.version("yt-dlp")
        self.stdout.write(f"{'' if chosen else '* '}{built_in} ({BUILT_IN})")
        for version in updates.installed(settings.ENGINE_DIR):
            self.stdout.write(f"{'* ' if chosen and chosen.name == version else ''}{version}")
