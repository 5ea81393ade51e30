#!/usr/bin/env python
"""Runs Django's commands and ours; says in one line what is wrong with the configuration."""

import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from downloader_project.env import setdefault


def main() -> None:
    setdefault("DJANGO_SETTINGS_MODULE", "downloader_project.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
