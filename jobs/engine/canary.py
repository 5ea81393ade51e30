"""Tries one version of yt-dlp out: `python -m jobs.engine.canary DIRECTORY VERSION [FFMPEG_LOCATION STAND_INS]`.

With that version on PYTHONPATH it loads all that downloads load. With the places of ffmpeg it then has a child download
from a page that it serves itself: the way of a real download, in all its walls. Ends with an error if not.
"""

import importlib
import importlib.metadata
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from jobs.engine import ffmpeg
from jobs.engine.contract import EgressPolicy, Limits, LogLine, Options, Progress, Request, Stop, Tools

PAGE = b'<html><title>A film</title><body><video src="/film.mp4"></video></body></html>'
MODULES = ("jobs.engine.child", "jobs.engine.warm", "jobs.engine.reading", "yt_dlp_ejs")
MIB = 1024 * 1024


def main(directory: str, version: str, *places: str) -> None:
    """Raises for whatever is wrong."""
    _load(Path(directory), version)
    if not places:
        return
    ffmpeg_location, stand_ins = places
    tools = ffmpeg.find(ffmpeg_location, stand_in_directory=Path(stand_ins))
    with tempfile.TemporaryDirectory() as work_dir:
        _download(tools, Path(work_dir))


def _load(directory: Path, version: str) -> None:
    import yt_dlp  # noqa: PLC0415
    import yt_dlp.version  # noqa: PLC0415

    if not Path(yt_dlp.__file__).resolve().is_relative_to(directory.resolve()):
        raise RuntimeError("another yt-dlp was loaded")
    told = {yt_dlp.version.__version__, importlib.metadata.version("yt-dlp")}
    if {_numbers(one) for one in told} != {_numbers(version)}:
        raise RuntimeError(f"it says that it is {' and '.join(sorted(told))}")
    for module in MODULES:
        importlib.import_module(module)


def _numbers(version: str) -> tuple[int, ...]:
    """2026.01.02 and 2026.1.2 are one version."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _download(tools: Tools, directory: Path) -> None:
    from jobs.engine import supervisor, warm  # noqa: PLC0415

    film = directory / "film.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=5"]
    subprocess.run([tools.ffmpeg, "-v", "error", *source, "-c:v", "mpeg4", str(film)], check=True)
    work_dir = directory / "work"
    work_dir.mkdir()
    warm.warm(tools)
    with _served(film.read_bytes()) as address:
        outcome = supervisor.run(_request(f"http://{address}/page.html", address, work_dir, tools), _Witness())
    if outcome.result is None:
        raise RuntimeError(f"it cannot download: {outcome.failure.detail if outcome.failure else outcome.stopped}")


def _request(url: str, address: str, work_dir: Path, tools: Tools) -> Request:
    return Request(
        job_id="canary",
        url=url,
        options=Options(),
        limits=Limits(
            total_seconds=60, stall_seconds=60, max_file_bytes=MIB, free_disk_bytes=0, max_memory_bytes=2048 * MIB
        ),
        egress=EgressPolicy(allow=(address,)),
        tools=tools,
        work_dir=work_dir,
        default_format="best",
    )


class _Witness:
    def tick(self, progress: Progress | None, log: Sequence[LogLine]) -> Stop | None:
        """Part of the watcher's interface: nothing is to be stopped."""


@contextmanager
def _served(film: bytes) -> Iterator[str]:
    """A page and its film at a port of this machine, by a process of its own: this one has to stay without threads."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, content = ("video/mp4", film) if self.path == "/film.mp4" else ("text/html", PAGE)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
        process.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            process.kill()
            process.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
