"""Directories, disk, programs, and what the kernel can forbid downloads."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from jobs import figures, queries, storage
from jobs.diagnosis.finding import Finding, error, fine, warning
from jobs.engine import ffmpeg, surroundings, updates

LOW_DISK = 3  # times the floor
FULL_PERCENT = 90  # of a disk, or of what results may take, as the alert has it


def directories() -> Iterator[Finding]:
    """Whether the service can write where it has to, and publish without copying."""
    devices = set()
    for name in ("FILES_DIR", "WORK_DIR", "THUMBNAILS_DIR"):
        path = Path(getattr(settings, name))
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=path):
                devices.add(path.stat().st_dev)
        except OSError as trouble:
            told = f"{path} cannot be written to ({trouble.strerror})."
            yield error("directories", told, f"Give it to the service's user: chown -R USER {settings.STORAGE_DIR}")
    if len(devices) > 1:
        told = "Work and result directories are on different file systems: results are copied, which takes time."
        yield warning("directories", told, "Mount one volume at STORAGE_DIR instead of several below it.")
    elif devices:
        yield fine("directories", f"{settings.STORAGE_DIR} can be written to")


def store() -> Iterator[Finding]:
    """Whether results can be stored, fetched and deleted where they shall lie."""
    try:
        storage.probe()
    except OSError as trouble:
        mend = "Check STORAGE_URL, the key and its rights, and whether the store runs: see storage.md."
        yield error("store", f"Results cannot be stored: {trouble}", mend)
        return
    yield fine("store", "takes results, gives them back and deletes them")


def disk() -> Iterator[Finding]:
    """Whether there is room for downloads."""
    free, floor = storage.free_bytes(), settings.FREE_DISK_FLOOR_BYTES
    total = shutil.disk_usage(settings.STORAGE_DIR).total
    full = 100 - 100 * free // total
    told = f"{free // 1024**2} MiB are free on {settings.STORAGE_DIR}, which is {full} % full; downloads stop below "
    told += f"{floor // 1024**2} MiB."
    mend = "Make room, lower FILE_RETENTION_HOURS, or purge old jobs: manage.py jobs purge --older-than 30d --yes"
    if free < floor:
        yield error("disk", told, mend)
    elif free < LOW_DISK * floor or full > FULL_PERCENT:
        yield warning("disk", told, mend)
    else:
        yield fine("disk", told)


def static_files() -> Iterator[Finding]:
    """Whether pages have their style and scripts."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if settings.DEBUG or manifest.is_file():
        yield fine("static files", "collected")
    else:
        yield error("static files", f"{manifest} is missing: pages answer with errors.", "manage.py setup")


def tools() -> Iterator[Finding]:
    """ffmpeg and the JavaScript runtime."""
    try:
        found = queries.tools()
    except ffmpeg.ToolMissingError as trouble:
        yield error("ffmpeg", str(trouble), "Install ffmpeg, or set FFMPEG_LOCATION to its directory.")
        return
    yield fine("ffmpeg", ffmpeg.describe(found))
    if found.js_runtime is None:
        told = "There is no JavaScript runtime: several sites, YouTube among them, cannot be read."
        yield warning("javascript", told, "pip install deno, or install deno on the PATH.")
    else:
        yield fine("javascript", str(found.js_runtime))


def engine() -> Iterator[Finding]:
    """Whether the chosen yt-dlp works, and how old it is."""
    version = queries.engine_version()
    days = figures.age_days(version)
    mend = "manage.py update_engine VERSION, then restart the workers; manage.py update_engine --rollback goes back."
    chosen = updates.chosen(settings.ENGINE_DIR)
    if chosen is not None:
        try:
            updates.load(chosen)
        except updates.EngineRefused as trouble:
            yield error("yt-dlp", str(trouble), "manage.py update_engine --rollback, then restart the workers.")
            return
    if days is not None and days > settings.YTDLP_OLD_DAYS:
        yield warning("yt-dlp", f"{version} is {days} days old; sites change faster than that.", mend)
    else:
        yield fine("yt-dlp", version if days is None else f"{version}, {days} days old")


def confinement() -> Iterator[Finding]:
    """Whether the kernel can wall downloads in."""
    try:
        found = queries.tools()
    except ffmpeg.ToolMissingError:  # told by another check
        return
    if trouble := surroundings.trouble(found, settings.WORK_DIR):
        mend = "Use a kernel of 5.13 or newer with Landlock (lsm=landlock,…), and a container profile that allows it."
        yield warning("confinement", f"Downloads are confined less than they could be: {trouble}", mend)
    else:
        yield fine("confinement", "the kernel confines downloads")
