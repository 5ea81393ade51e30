"""Which ffmpeg, ffprobe and JavaScript runtime there are, and the ffprobe stand-in. Runs no job and knows no yt-dlp."""

import functools
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from jobs.engine import ffprobe_stand_in
from jobs.engine.contract import Tools

VERSION_SECONDS = 10
JS_RUNTIMES = ("deno", "node")  # in order of preference; yt-dlp runs bun without any sandbox


class ToolMissingError(RuntimeError):
    """There is no usable ffmpeg. The message says how to get one."""


def find(location: str = "", *, stand_in_directory: Path) -> Tools:
    """The tools to work with, as absolute paths; `ffmpeg` and `ffprobe` stand in one directory under these names.

    Looks at `location` (a directory or the ffmpeg binary), else at PATH, else at the wheel `imageio-ffmpeg`. Where
    ffprobe is missing or stands elsewhere, `stand_in_directory` gets both. Any number of processes may call this at
    once with the same directory, and again after an upgrade. Raises ToolMissingError.
    """
    ffmpeg, ffprobe = _locate(location)
    js_runtime = _js_runtime()
    if ffprobe is not None and _are_siblings(ffmpeg, ffprobe):
        return Tools(ffmpeg=ffmpeg, ffprobe=ffprobe, js_runtime=js_runtime)
    directory = stand_in_directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    _link(directory / "ffmpeg", ffmpeg)
    if ffprobe is None:
        _write_script(directory / "ffprobe", ffmpeg)
    else:
        _link(directory / "ffprobe", ffprobe)
    return Tools(
        ffmpeg=directory / "ffmpeg",
        ffprobe=directory / "ffprobe",
        ffprobe_is_stand_in=ffprobe is None,
        js_runtime=js_runtime,
    )


def version(tools: Tools) -> str:
    """ffmpeg's version, or "unknown"."""
    return _version(tools.ffmpeg)


def describe(tools: Tools) -> str:
    """One line for the start-up report: what there is, and what will be missing."""
    parts = [f"ffmpeg {version(tools)} ({tools.ffmpeg.resolve()})"]
    parts.append("ffprobe stand-in" if tools.ffprobe_is_stand_in else f"ffprobe ({tools.ffprobe.resolve()})")
    parts.append(f"JavaScript runtime {tools.js_runtime}" if tools.js_runtime else "no JavaScript runtime")
    missing = [what for encoder, what in _ENCODER_USES.items() if encoder not in _encoders(tools.ffmpeg)]
    if tools.js_runtime is None:
        missing.append("formats of sites that need a JavaScript runtime (install the wheel deno)")
    return "; ".join(parts) + "; missing: " + (", ".join(missing) or "nothing")


_ENCODER_USES = {
    "libmp3lame": "mp3 audio",
    "aac": "m4a audio",
    "libopus": "opus audio",
    "libvorbis": "vorbis audio",
    "flac": "flac audio",
    "mjpeg": "jpg thumbnails",
    "mov_text": "subtitles in mp4",
    "srt": "srt subtitles",
    "webvtt": "vtt subtitles",
    "ass": "ass subtitles",
}


def _locate(location: str) -> tuple[Path, Path | None]:
    if location:
        return _at(Path(location).expanduser().absolute())
    if ffmpeg := shutil.which("ffmpeg"):
        ffprobe = shutil.which("ffprobe")
        return Path(ffmpeg).absolute(), Path(ffprobe).absolute() if ffprobe else None
    return _from_wheel(), None


def _at(location: Path) -> tuple[Path, Path | None]:
    ffmpeg = location / "ffmpeg" if location.is_dir() else location
    if not _is_executable(ffmpeg):
        raise ToolMissingError(
            f"There is no executable ffmpeg at {location}. Correct FFMPEG_LOCATION, or leave it empty."
        )
    names = (ffmpeg.name.replace("ffmpeg", "ffprobe"), "ffprobe")
    ffprobe = next((ffmpeg.with_name(name) for name in names if _is_executable(ffmpeg.with_name(name))), None)
    return ffmpeg, None if ffprobe == ffmpeg else ffprobe


def _from_wheel() -> Path:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - needed only where the system has no ffmpeg

        return Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except (ImportError, RuntimeError) as error:
        raise ToolMissingError("There is no ffmpeg. Install ffmpeg, or `pip install imageio-ffmpeg`.") from error


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _are_siblings(ffmpeg: Path, ffprobe: Path) -> bool:
    return ffmpeg.name == "ffmpeg" and ffprobe == ffmpeg.with_name("ffprobe")


def _js_runtime() -> Path | None:
    beside_python = Path(sys.executable).parent
    for name in JS_RUNTIMES:
        if _is_executable(beside_python / name):
            return (beside_python / name).absolute()
        if found := shutil.which(name):
            return Path(found).absolute()
    return None


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = _temporary_name(link)
    temporary.symlink_to(target)
    temporary.replace(link)


def _write_script(script: Path, ffmpeg: Path) -> None:
    """A shell line, for a `#!` line bears neither blanks nor long paths. -I and -S: start fast, import nothing odd."""
    words = [sys.executable, "-I", "-S", str(Path(ffprobe_stand_in.__file__).absolute()), str(ffmpeg)]
    text = f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'
    if script.is_file() and os.access(script, os.X_OK) and script.read_text() == text:
        return
    temporary = _temporary_name(script)
    temporary.write_text(text)
    temporary.chmod(0o755)
    temporary.replace(script)


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


@functools.cache
def _version(ffmpeg: Path) -> str:
    found = re.search(r"version\s+(\S+)", _output(ffmpeg, "-version"))
    return found[1] if found else "unknown"


@functools.cache
def _encoders(ffmpeg: Path) -> frozenset[str]:
    lines = _output(ffmpeg, "-hide_banner", "-encoders").splitlines()
    return frozenset(words[1] for words in map(str.split, lines) if len(words) > 1)


def _output(program: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
