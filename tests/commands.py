"""Running a management command as operators do, and reading what it prints."""

import json
from io import StringIO
from typing import Any

from django.core.management import call_command


def told(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def document(*words: str) -> Any:
    """What it prints with `--json`, read."""
    return json.loads(told(*words, "--json"))
