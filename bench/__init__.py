"""Measures the running service against plain yt-dlp on this machine. Nothing of the service imports this."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build" / "bench"


class NotMeasured(Exception):
    """A row has no figure: something failed, or took too long. The message says what."""
