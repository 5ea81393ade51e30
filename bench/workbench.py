"""What every row has at hand: the origin, the command, a service, and a directory that is thrown away afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import BUILD, command, media
from bench.media import Film
from bench.origin import Origin, running_origin
from bench.service import Service, running_service
from jobs.engine import ffmpeg
from jobs.engine.contract import Tools


@dataclass(frozen=True)
class Workbench:
    """Hands out parts; measures nothing itself."""

    directory: Path  # empty at first; whatever is put here is deleted after the run
    origin: Origin
    tools: Tools

    def url(self, film: Film, *, bytes_per_second: int = 0) -> str:
        """A fresh link to the film, which is made when it is not in the cache."""
        media.make(film, BUILD / "media", self.tools)
        return self.origin.url(film, bytes_per_second=bytes_per_second)

    def service(self, row: str, **variables: str) -> AbstractContextManager[Service]:
        """A fresh service for one row; its log stays under the row's name."""
        logs = BUILD / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(dir=self.directory, prefix=f"service-{row}-"))
        return _cleared(directory, running_service(directory, logs / f"{row}.log", **variables))

    def command_seconds(self, url: str) -> float:
        """How long `yt-dlp` takes for the link."""
        return command.seconds(url, self.tools, self.directory)


@contextmanager
def workbench() -> Iterator[Workbench]:
    """With a running origin."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="run-") as name:
        directory = Path(name)
        tools = ffmpeg.find(stand_in_directory=BUILD / "tools")
        with running_origin(BUILD / "media", directory) as origin:
            yield Workbench(directory, origin, tools)


@contextmanager
def _cleared(directory: Path, service: AbstractContextManager[Service]) -> Iterator[Service]:
    try:
        with service as running:
            yield running
    finally:
        shutil.rmtree(directory)
