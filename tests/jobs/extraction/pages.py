"""Rows of pages that were read, and a worker that reads the next one."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.extraction import running
from jobs.models import Extraction
from jobs.states import ExtractionKind, ExtractionState

VIDEO, ENTRIES = ExtractionKind.VIDEO, ExtractionKind.ENTRIES
URL = "http://media.example/page"


def fresh(**fields: Any) -> dict[str, Any]:
    """The columns of a page that was read a moment ago."""
    return {
        "state": ExtractionState.COMPLETED,
        "answer": {"told": True},
        "completed_at": timezone.now(),
        "expires_at": timezone.now() + timedelta(minutes=5),
        **fields,
    }


def ran() -> Extraction:
    """What a worker made of the next question."""
    row = running.run_next()
    assert row is not None
    return row
