"""The films that are downloaded: made once by ffmpeg, of exact sizes, and kept for later runs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import NotMeasured
from jobs.engine.contract import Tools

BOX_HEADER_BYTES = 8
ENCODE_SECONDS = 120


@dataclass(frozen=True)
class Film:
    """A playable mp4: a short scene at a bit rate, repeated by copying the stream, filled up to the exact size."""

    name: str
    size_bytes: int
    frame: str  # pixels, as ffmpeg's sources take them
    scene_seconds: float
    video_bits: int  # a second
    noise: int  # strength 0 to 100, for pictures that need that many bits


SMALL = Film("small", 100_000, "320x180", 2, 120_000, 0)
MEDIUM = Film("medium", 10_000_000, "640x360", 4, 2_000_000, 20)
LARGE = Film("large", 1024**3, "1280x720", 8, 20_000_000, 40)


def make(film: Film, directory: Path, tools: Tools) -> Path:
    """The film's file in the directory; made unless it is there. Raises NotMeasured when ffmpeg fails."""
    path = directory / f"{film.name}.mp4"
    if path.is_file() and path.stat().st_size == film.size_bytes:
        return path
    directory.mkdir(parents=True, exist_ok=True)
    scene, unfinished = directory / f".{film.name}.scene.mp4", directory / f".{film.name}.mp4"
    try:
        _encode(film, scene, tools)
        _repeat(film, scene, unfinished, tools)
        fill(unfinished, film.size_bytes)
        unfinished.rename(path)
    finally:
        scene.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    return path


def fill(path: Path, size_bytes: int) -> None:
    """Append a `free` box, which players skip, so that the file has this size. Raises NotMeasured for one too large."""
    missing = size_bytes - path.stat().st_size
    if missing == 0:
        return
    if missing < BOX_HEADER_BYTES:
        raise NotMeasured(f"{path.name} came out {BOX_HEADER_BYTES - missing} bytes too large")
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free")
        file.truncate(size_bytes)


def _encode(film: Film, target: Path, tools: Tools) -> None:
    picture = f"testsrc2=size={film.frame}:rate=25:duration={film.scene_seconds}"
    if film.noise:
        picture += f",noise=alls={film.noise}:allf=t"
    sound = f"sine=frequency=440:duration={film.scene_seconds}"
    bits = str(film.video_bits)
    _ffmpeg(
        tools,
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"),
        *("-b:v", bits, "-maxrate", bits, "-bufsize", bits),
        *("-c:a", "aac", "-b:a", "64k", str(target)),
    )


def _repeat(film: Film, scene: Path, target: Path, tools: Tools) -> None:
    """As often as fits, with one per cent left for the index."""
    times = int(film.size_bytes * 0.99 // scene.stat().st_size)
    if times < 1:
        raise NotMeasured(f"one scene of {film.name} takes {scene.stat().st_size} bytes already")
    _ffmpeg(
        tools,
        *("-stream_loop", str(times - 1), "-i", str(scene)),
        *("-map", "0", "-c", "copy", "-movflags", "+faststart", str(target)),
    )


def _ffmpeg(tools: Tools, *arguments: str) -> None:
    command = [str(tools.ffmpeg), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=ENCODE_SECONDS, check=False
    )
    if done.returncode:
        raise NotMeasured(f"ffmpeg could not make the media: {done.stderr.strip()[-500:]}")
