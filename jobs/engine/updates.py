"""Versions of yt-dlp beside the one that came with the service: installed, tried out, chosen. Loads no yt-dlp.

Each has a directory of its own below `root`, with the yt-dlp-ejs that it names; `current` is a link to the chosen one.
Workers look at it when they start (`management.engine_choice`).
"""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

VERSION = re.compile(r"\d{4}\.\d{1,2}\.\d{1,2}(\.\d+)?(\.?(dev|post|rc)\d+)?")
BUNDLED = re.compile(r"^__version__ = ['\"]([^'\"]+)", re.MULTILINE)
SHA256 = re.compile(r"[0-9a-f]{64}")
EJS_PIN = re.compile(r"yt-dlp-ejs\s*==\s*([0-9][0-9.]*)")
CURRENT, PREVIOUS = "current", "previous"
PROJECT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS = 600
CANARY_SECONDS = 120
# What pip may know of this machine: where packages come from and how to get there, and no secret of the service.
PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
)


class EngineRefused(Exception):
    """The version cannot be had, or does not work here. The message is for the operator."""


@functools.cache
def bundled() -> str:
    """The version that came with the service. Packages' metadata has it too, and takes 4 MB to parse; 0 if unknown."""
    spec = importlib.util.find_spec("yt_dlp")
    place = Path((spec and spec.origin) or "").with_name("version.py")
    found = BUNDLED.search(place.read_text(encoding="utf-8")) if place.is_file() else None
    return found[1] if found else "0"


def installed(root: Path) -> list[str]:
    """Versions that are there, oldest first."""
    found = [path.name for path in root.iterdir() if VERSION.fullmatch(path.name)] if root.is_dir() else []
    return sorted(found, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])


def chosen(root: Path) -> Path | None:
    """The directory of the chosen version; None for the one that came with the service."""
    return _target(root, CURRENT)


def install(root: Path, version: str, *, sha256: str = "") -> Path:
    """Fetch a version with its companion, from where pip's own settings say. Raises EngineRefused.

    Only wheels are taken, so that nothing of theirs runs here; with `sha256`, only the one with that digest.
    """
    if not VERSION.fullmatch(version) or (sha256 and not SHA256.fullmatch(sha256)):
        raise EngineRefused("Give a version such as 2026.10.26, and a SHA-256 as 64 hexadecimal digits.")
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=root, prefix=".installing-") as draft:
        target = Path(draft) / version
        _pip(target, f"yt-dlp=={version}", sha256)
        companion = _companion(target, version)
        if companion:
            _pip(target, f"yt-dlp-ejs=={companion}")
        directory = root / version
        if directory.exists():
            shutil.rmtree(directory)
        return target.rename(directory)


def load(directory: Path) -> None:
    """Have a process of its own load a version, which takes about a second. Raises EngineRefused."""
    _ask_canary(directory)


def try_out(directory: Path, *, ffmpeg_location: str, stand_ins: Path) -> None:
    """Have a process of its own load a version and download with it, from a server of its own. Raises EngineRefused."""
    _ask_canary(directory, ffmpeg_location, str(stand_ins))


def choose(root: Path, version: str) -> None:
    """Make a version the one that workers take when they start next. What is older than the last one is deleted."""
    before = chosen(root)
    if before is not None and before.name != version:
        _link(root, PREVIOUS, before.name)
    elif before is None:
        (root / PREVIOUS).unlink(missing_ok=True)
    _link(root, CURRENT, version)
    kept = {path.name for path in (chosen(root), _target(root, PREVIOUS)) if path is not None}
    for name in set(installed(root)) - kept:
        shutil.rmtree(root / name)


def roll_back(root: Path) -> str:
    """Go back to the version chosen before; returns it, empty for the one that came with the service."""
    before = _target(root, PREVIOUS)
    if before is None:
        (root / CURRENT).unlink(missing_ok=True)
        return ""
    _link(root, CURRENT, before.name)
    (root / PREVIOUS).unlink(missing_ok=True)
    return before.name


def _ask_canary(directory: Path, *more: str) -> None:
    command = [sys.executable, "-m", "jobs.engine.canary", str(directory), directory.name, *more]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(directory), "YTDLP_NO_PLUGINS": "1"}
    done = _run(command, environment, CANARY_SECONDS)
    if done.returncode:
        raise EngineRefused(f"yt-dlp {directory.name} does not work here: {_last_line(done)}")


def _target(root: Path, name: str) -> Path | None:
    """What a link names, if it is a version of ours."""
    try:
        version = os.readlink(root / name)  # noqa: PTH115 - as it is written, not resolved
    except OSError:
        return None
    return root / version if VERSION.fullmatch(version) and (root / version).is_dir() else None


def _link(root: Path, name: str, version: str) -> None:
    draft = root / f".{name}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(version)
    draft.replace(root / name)  # at once: whoever looks sees the old one or the new one


def _pip(target: Path, requirement: str, sha256: str = "") -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write(f"{requirement} --hash=sha256:{sha256}\n" if sha256 else f"{requirement}\n")
        wanted.flush()
        options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet"]
        options += ["--require-hashes"] if sha256 else []
        command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), "-r", wanted.name]
        done = _run(command, _passed_on(), INSTALL_SECONDS)
    if done.returncode:
        raise EngineRefused(f"pip cannot install {requirement}: {_last_line(done)}")


def _passed_on() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper() in PASSED_ON or name.startswith("PIP_")}


def _companion(target: Path, version: str) -> str:
    """The version of yt-dlp-ejs that this yt-dlp wants; empty when it names none."""
    for distribution in importlib.metadata.distributions(path=[str(target)]):
        if distribution.name.replace("_", "-") == "yt-dlp" and distribution.version == version:
            pins = (EJS_PIN.match(requirement) for requirement in distribution.requires or ())
            return next((pin[1] for pin in pins if pin), "")
    raise EngineRefused(f"pip installed something else than yt-dlp {version}.")


def _run(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EngineRefused(f"no end within {seconds} seconds") from error


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason was given")
