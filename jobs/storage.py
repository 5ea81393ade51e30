"""Results and work directories: paths, atomic publishing, opening, deleting, free space. Knows files, not jobs."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages

PUBLISH_TRIES = 100
ASIDE = ".aside-"


class LocalStorage(FileSystemStorage):
    """The file system, with a publish that is atomic and never overwrites."""

    def publish(self, source: Path, name: str) -> str:
        """Move `source` to `name` and return the name it got: another one when that was taken.

        Readers see the whole file or none. `source` must lie on the same file system.
        """
        source.chmod(0o640)
        for _ in range(PUBLISH_TRIES):
            target = Path(self.path(name))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError):  # it vanished while it was made: its last file was deleted
                continue
            try:
                _link(source, target)
            except FileExistsError:
                name = self.get_alternative_name(*_split(name))
            except FileNotFoundError:
                if not source.exists():
                    raise
            else:
                source.unlink()
                return name
        raise OSError(errno.EEXIST, "no free name found", name)


def _link(source: Path, target: Path) -> None:
    """Give the file a second name, which fails when that is taken. Where there are no hard links, copy it."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        with source.open("rb") as read, target.open("xb") as write:
            shutil.copyfileobj(read, write)


def publish(source: Path, name: str) -> str:
    """Put a finished file into the storage and return the name it is stored under."""
    storage = storages["default"]
    if isinstance(storage, LocalStorage):
        return storage.publish(source, name)
    with source.open("rb") as file:
        return storage.save(name, File(file))


def open_result(name: str) -> IO[bytes]:
    """A stored file, opened for reading. Raises FileNotFoundError when it is gone."""
    return storages["default"].open(name, "rb")


def delete_result(name: str) -> None:
    """Delete a stored file and the directories that it leaves empty. Not an error when it is gone already."""
    storages["default"].delete(name)
    for parent in PurePosixPath(name).parents[:-1]:
        try:
            (settings.FILES_DIR / parent).rmdir()
        except OSError:  # not empty, or another process was faster
            return


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
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


def work_directories() -> list[str]:
    """Names of all work directories on this host, those set aside among them."""
    root = Path(settings.WORK_DIR)
    return [path.name for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def results_before(moment: datetime) -> Iterator[str]:
    """Names of stored files that were last changed before `moment`."""
    root = Path(settings.FILES_DIR)
    for path in root.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:  # deleted meanwhile
            continue
        if not stat.S_ISDIR(status.st_mode) and status.st_mtime < moment.timestamp():
            yield path.relative_to(root).as_posix()


def free_bytes() -> int:
    """Bytes that the file system of the storage has left."""
    path = Path(settings.STORAGE_DIR)
    path.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(path).free


def _split(name: str) -> tuple[str, str]:
    root, extension = os.path.splitext(name)  # noqa: PTH122  (names are POSIX paths of the storage, not of this system)
    return root, extension
