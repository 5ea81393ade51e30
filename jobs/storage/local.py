"""Results on the file system: a publish that is atomic and never overwrites."""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path, PurePosixPath

from django.core.files.storage import FileSystemStorage

from jobs.engine import templates
from jobs.storage.errors import NotPlain
from jobs.storage.results import Described, Stored

PUBLISH_TRIES = 100
COPY_BYTES = 1 << 20
UNFINISHED = ".copying-"  # no template makes such a name
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class LocalStorage(FileSystemStorage):
    """A directory of this host, or one that hosts share."""

    settle_time = timedelta(hours=1)
    is_remote = False

    def load(self) -> None:
        """Nothing."""

    def own_name(self, name: str, suffixes: Sequence[str] = ()) -> str:
        """The name, or one like it when it or that of a companion is taken, so that the set stays recognisable as one.

        Nothing is reserved: whoever takes a name at the same moment leaves this one with yet another.
        """
        tried = name
        for _ in range(PUBLISH_TRIES):
            names = [tried, *(templates.sibling(tried, suffix) for suffix in suffixes)]
            if not any(map(self.exists, names)):
                break
            tried = templates.variant(name, secrets.token_hex(4))
        return tried

    def publish(self, source: Path, name: str, described: Described, beat: Callable[[], None]) -> str:
        """Move `source` to `name` and return the name it got: another one when that was taken.

        `source` is looked at once, and what was looked at is what gets published, whatever takes its place in between.
        It is linked; only where that cannot be, on another file system, is it copied.
        """
        with open_plain(source) as file:
            os.fchmod(file.fileno(), 0o640)
            for _ in range(PUBLISH_TRIES):
                target = Path(self.path(name))
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _link(file, target, beat)
                except FileExistsError:
                    name = self.get_alternative_name(*_split(name)) if target.parent.is_dir() else name
                except FileNotFoundError:  # it vanished while it was made: its last file was deleted
                    _require_name(file)
                else:
                    source.unlink()
                    return name
        raise OSError(errno.EEXIST, "no free name found", name)

    def remove(self, name: str) -> None:
        """Delete the file and the directories that it leaves empty."""
        self.delete(name)
        for parent in PurePosixPath(name).parents[:-1]:
            try:
                (Path(self.location) / parent).rmdir()
            except OSError:  # not empty, or another process was faster
                return

    def all_results(self) -> Iterator[Stored]:
        """By the time of the last link or copy, which unlike that of the last write cannot lie before it was stored."""
        root = Path(self.location)
        for path in root.rglob("*"):
            try:
                status = path.lstat()
            except FileNotFoundError:  # deleted meanwhile
                continue
            if not stat.S_ISDIR(status.st_mode):
                name = path.relative_to(root).as_posix()
                changed_at = datetime.fromtimestamp(status.st_ctime, UTC)
                yield Stored(name=name, size_bytes=status.st_size, changed_at=changed_at)

    def abort_uploads(self, before: datetime) -> int:
        """Unfinished copies are files without a row, and swept like these."""
        return 0

    def check_access(self) -> None:
        """Whether files can be made in the directory. Raises OSError."""
        root = Path(self.location)
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "the directory of results cannot be written to")
        if os.statvfs(root).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, "the file system of the results is read-only")

    def direct_link(self, name: str, *, seconds: int, disposition: str, mime_type: str) -> str:
        """There is none."""
        raise NotImplementedError("results on the file system are served by this service alone")


def open_plain(path: Path) -> BufferedReader:
    """A file of a work directory, for reading. What wrote it may have been hostile: links to elsewhere are refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a symlink, a socket
            raise NotPlain(path.name) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise NotPlain(path.name)
    return os.fdopen(descriptor, "rb")


def _require_name(file: BufferedReader) -> None:
    if os.fstat(file.fileno()).st_nlink == 0:
        raise FileNotFoundError(errno.ENOENT, "deleted before it was published")


def _link(file: BufferedReader, target: Path, beat: Callable[[], None]) -> None:
    """Give the open file a second name, which fails when that is taken. Where it cannot be linked, copy it."""
    try:
        # The descriptor's entry in /proc is a link, and followed: by its name, another file might be linked.
        os.link(f"/proc/self/fd/{file.fileno()}", target, src_dir_fd=file.fileno(), follow_symlinks=True)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _copy(file, target, beat)


def _copy(file: BufferedReader, target: Path, beat: Callable[[], None]) -> None:
    """Claim the name with an empty file, copy beside it, and put the whole copy in its place."""
    target.open("xb").close()
    unfinished = target.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        file.seek(0)
        with unfinished.open("xb") as write:
            os.fchmod(write.fileno(), 0o640)
            while block := file.read(COPY_BYTES):
                write.write(block)
                beat()
            write.flush()
            os.fsync(write.fileno())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise


def _split(name: str) -> tuple[str, str]:
    root, extension = os.path.splitext(name)  # noqa: PTH122  (names are POSIX paths of the storage, not of this system)
    return root, extension
