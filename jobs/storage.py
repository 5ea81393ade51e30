"""Results and work directories: paths, atomic publishing, opening, deleting, free space. Knows files, not jobs."""

import os
import shutil
from pathlib import Path, PurePosixPath
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, storages


class LocalStorage(FileSystemStorage):
    """The file system, with a publish that is atomic and never overwrites."""

    def publish(self, source: Path, name: str) -> str:
        """Move `source` to `name` and return the name it got: another one when that was taken.

        Readers see the whole file or none. `source` must lie on the same file system.
        """
        while True:
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))  # reserves the name
            except FileExistsError:
                name = self.get_alternative_name(*_split(name))
                continue
            os.replace(source, target)  # noqa: PTH105
            target.chmod(0o640)
            return name


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


def discard_work_directory(job_id: str) -> None:
    """Throw partial files away. Not an error when there are none."""
    shutil.rmtree(work_directory(job_id), ignore_errors=True)


def free_bytes() -> int:
    """Bytes that the file system of the storage has left."""
    path = Path(settings.STORAGE_DIR)
    path.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(path).free


def _split(name: str) -> tuple[str, str]:
    root, extension = os.path.splitext(name)  # noqa: PTH122  (names are POSIX paths of the storage, not of this system)
    return root, extension
