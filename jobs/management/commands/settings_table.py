"""Prints the table of settings for the documentation, from the lines that read them."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

HEADER = """# Settings

Every setting is an environment variable, or a line of the file `.env` in the project's directory.
`NAME_FILE` may name a file that holds the value of `NAME`. An empty value counts as unset.
A wrong value stops the start with one line that names it.

| variable | kind | default | unit | meaning |
|---|---|---|---|---|
"""


class Command(BaseCommand):
    help = "Print docs/settings.md."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(settings_table(), ending="")


def settings_table() -> str:
    """Markdown with one row for each environment variable, in the order of the settings module."""
    rows = (
        f"| `{v.name}` | {v.kind} | {_code(portable(v.default))} | {v.unit} | {v.meaning} |\n"
        for v in settings.ENV.variables
    )
    return HEADER + "".join(rows)


def portable(default: str) -> str:
    """The default without what differs from machine to machine."""
    default = default.replace(str(settings.STORAGE_DIR), "./data").replace(str(settings.BASE_DIR), ".")
    return default.removesuffix(f",{settings.HOSTNAME}")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
