"""Chromium and axe-core: where they are, and how the browser is started. `scripts/install-browser` gets both."""

import os
import shutil
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",  # tests run as root in containers; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@cache
def program() -> str:
    """The path of a Chromium; empty when there is none."""
    found = [os.environ.get("CHROMIUM", ""), *(shutil.which(name) or "" for name in NAMES)]
    return next((path for path in found if path), "")


def lacks() -> list[str]:
    """What is missing on this machine, in sentences for the end of a test run."""
    missing = []
    if not program():
        missing.append("NO TEST IN A BROWSER RAN: there is no Chromium. Run scripts/install-browser as root.")
    if not AXE.exists():
        missing.append("ACCESSIBILITY WAS NOT CHECKED: axe-core is not there. Run scripts/install-browser with npm.")
    return missing
