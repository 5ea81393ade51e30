"""Prints `.env.example` from the lines that read the settings."""

import textwrap
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from downloader_project.env import Variable
from jobs.management.commands.settings_table import portable

HEADER = """# Every setting, with its default. Copy this file to .env, and take the # away in front of what you change.
# An empty value counts as unset; NAME_FILE may name a file that holds the value of NAME. Variables of the real
# environment win over this file. What each means, as a table: docs/settings.md.
#
# Secrets: scripts/new-secrets prints fresh ones. Where ENVIRONMENT is set to production they must be given.
"""
WIDTH = 118


class Command(BaseCommand):
    help = "Print .env.example."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(env_example(), ending="")


def env_example() -> str:
    """The file's text: one comment and one line for each environment variable, in the order of the settings module."""
    return HEADER + "".join(f"\n{_comment(v)}\n#{v.name}={portable(v.default)}\n" for v in settings.ENV.variables)


def _comment(variable: Variable) -> str:
    unit = f", {variable.unit}" if variable.unit else ""
    text = f"{variable.meaning} ({variable.kind}{unit})"
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
