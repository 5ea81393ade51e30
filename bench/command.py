"""`yt-dlp` as a person would run it, with the options that the service uses for the same request."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import NotMeasured
from jobs.engine.contract import EgressPolicy, Limits, Options, Request, Tools
from jobs.engine.options import build

FORMAT = "bestvideo+bestaudio/best"  # what both sides ask for; the service is told so
COMMAND_SECONDS = 120


def seconds(url: str, tools: Tools, directory: Path) -> float:
    """How long the command takes to download the link into a directory of its own, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=directory, prefix="command-") as target:
        begun = time.monotonic()
        done = subprocess.run(
            arguments(url, tools, Path(target)), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        taken = time.monotonic() - begun
        if done.returncode:
            raise NotMeasured(f"yt-dlp ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        if not list(Path(target).glob("*.mp4")):
            raise NotMeasured("yt-dlp left no mp4 behind")
    return taken


def arguments(url: str, tools: Tools, directory: Path) -> list[str]:
    """The command line."""
    wanted = service_parameters(url, tools, directory)
    return [
        str(Path(sys.executable).parent / "yt-dlp"),
        *("--ignore-config", "--no-cache-dir", "--quiet", "--no-warnings", "--no-playlist", "--no-mtime"),
        *("--format", wanted["format"], "--format-sort", ",".join(wanted["format_sort"])),
        *("--merge-output-format", wanted["merge_output_format"], "--remux-video", "mp4"),
        *("--embed-metadata", "--no-embed-info-json"),
        *("--socket-timeout", str(wanted["socket_timeout"]), "--retries", str(wanted["retries"])),
        *("--ffmpeg-location", wanted["ffmpeg_location"]),
        *("--paths", str(directory), "--output", "%(title)s.%(ext)s", url),
    ]


def service_parameters(url: str, tools: Tools, directory: Path) -> dict[str, Any]:
    """What the service's engine gives yt-dlp for a request that names a link and nothing else."""
    limits = Limits(
        total_seconds=1800, stall_seconds=300, max_file_bytes=1 << 40, free_disk_bytes=0, max_memory_bytes=0
    )
    request = Request(
        job_id="benchmark",
        url=url,
        options=Options(),
        limits=limits,
        egress=EgressPolicy(allow_private=True),
        tools=tools,
        work_dir=directory,
        default_format=FORMAT,
    )
    return build(request, progress_hook=_ignore, postprocessor_hook=_ignore, logger=None)


def _ignore(_: dict[str, Any]) -> None:
    """A hook that does nothing."""
