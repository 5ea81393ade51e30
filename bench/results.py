"""The figures as a file for programs, with what they were measured on."""

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.figures import Figure
from jobs.engine import ffmpeg
from jobs.engine.contract import Tools

PACKAGES = ("django", "django-q2", "gunicorn", "yt-dlp")


def write(path: Path, figures: Sequence[Figure], *, tools: Tools, origin: str) -> None:
    """Replace the file."""
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
            "ffmpeg": ffmpeg.version(tools),
        },
        "origin": origin,
        "figures": [_record(figure) for figure in figures],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the speed depends on most. The load is the average over the minute before."""
    return {
        "system": platform.platform(),
        "processor": processor(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": os.getloadavg()[0],
    }


def processor(cpuinfo: str) -> str:
    """The first processor's name; empty where the kernel tells none, as on ARM."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), "")


def _record(figure: Figure) -> dict[str, Any]:
    return {
        **dataclasses.asdict(figure),
        "target": str(figure.target),
        "ratio": figure.ratio,
        "is_met": figure.is_met,
    }
