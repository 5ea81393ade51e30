"""Work directories: where attempts keep their files on this host's disk until these are published."""

import secrets
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

ASIDE = ".aside-"


def work_directory(job_id: str) -> Path:
    """Where a job's attempts keep their files until they are published."""
    return Path(settings.WORK_DIR) / job_id


def make_work_directory(job_id: str) -> Path:
    """The job's work directory, created if need be, readable by this user alone."""
    path = work_directory(job_id)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def set_aside(job_id: str) -> Path | None:
    """Take the work directory away from its job at once, to be deleted later. None when there is none."""
    path = work_directory(job_id)
    aside = path.with_name(f"{ASIDE}{job_id}.{secrets.token_hex(4)}")
    try:
        return path.rename(aside)
    except FileNotFoundError:
        return None


def discard(directory: Path | None) -> None:
    """Delete a directory that was set aside, as far as that is possible: a sweep tries again."""
    if directory is None:
        return
    try:
        shutil.rmtree(directory, ignore_errors=True)
    except RecursionError:  # what wrote it nested directories as deep as it could
        subprocess.run(["/bin/rm", "-rf", "--", directory], check=False)


def work_directories() -> list[str]:
    """Names of all work directories on this host, those set aside among them."""
    root = Path(settings.WORK_DIR)
    return [path.name for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
