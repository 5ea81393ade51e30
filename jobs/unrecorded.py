"""Files that are published and not recorded yet. A note beside the work directory tells of them, so that the death of
their worker just then costs neither bytes nor names, and no attempt deletes what has become another one's.

Who renames a note away has its files. Of a remote storage they are deleted instead of taken back. `publishing` is how
files get into the storage.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import structlog
from django.conf import settings
from django.core.files.storage import storages

from jobs import storage
from jobs.engine import workspace
from jobs.models import MediaFile

log = structlog.get_logger(__name__)

NOTE = ".published-"
TAKEN = ".taken-"

Published = Mapping[str, str]  # name in the work directory -> name in the storage


def note(job_id: str, lease_owner: str, published: Published) -> None:
    """Remember what an attempt has published, until `forget` or `withdraw`."""
    path = _path(job_id, lease_owner)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".draft{path.name}")
    draft.write_text(json.dumps(dict(published)), encoding="utf-8")
    draft.rename(path)


def forget(job_id: str, lease_owner: str) -> None:
    """The files are recorded."""
    _path(job_id, lease_owner).unlink(missing_ok=True)


def withdraw(job_id: str, lease_owner: str) -> None:
    """Delete files that an attempt has published for nothing, unless a later attempt has them by now."""
    path = _path(job_id, lease_owner)
    delete(_taken(path).values())
    _let_go(path)


def take_back(job_id: str) -> None:
    """Put what earlier attempts published and never recorded into the job's work directory, to go on from."""
    for path in _notes(f"{NOTE}{job_id}."):
        for source, name in _unrecorded(_taken(path)):
            _return(name, storage.work_directory(job_id) / source)
        _let_go(path)


def clear(notes: Iterable[Path], live_jobs: Collection[str]) -> int:
    """Delete what was published for jobs that are over. Returns how many files.

    The notes must have been listed before the live jobs, given by their ids, were asked for: a note that came after
    that is of a job that may well be live.
    """
    deleted = 0
    for path in notes:
        if job_of(path) in live_jobs:
            continue
        names = [name for _, name in _unrecorded(_taken(path))]
        delete(names)
        deleted += len(names)
        _let_go(path)
    return deleted


def delete(names: Iterable[str]) -> None:
    """Delete files that were published for nothing; what cannot be deleted now is swept later."""
    for name in names:
        try:
            storage.delete_result(name)
        except OSError:
            log.exception("result not withdrawn", file=name)


def notes() -> list[Path]:
    """All that are on this host."""
    return _notes(NOTE)


def job_of(note_: Path) -> str:
    """The id of the job that a note is about."""
    return note_.name.removeprefix(TAKEN).removeprefix(NOTE).partition(".")[0]


def is_recorded(job: int, names: Collection[str]) -> bool:
    """Whether just these files are recorded as the job's, which is named by its primary key."""
    return set(MediaFile.objects.filter(job=job).values_list("path", flat=True)) == set(names)


def _path(job_id: str, lease_owner: str) -> Path:
    return Path(settings.WORK_DIR) / f"{NOTE}{job_id}.{lease_owner.rpartition(':')[2]}"


def _notes(beginning: str) -> list[Path]:
    """Also those that a process took and died over."""
    root = Path(settings.WORK_DIR)
    return [*root.glob(f"{beginning}*"), *root.glob(f"{TAKEN}{beginning}*")]


def _taken(path: Path) -> Published:
    """What the note says, which nobody else can take any more; nothing when somebody else was faster."""
    taken = path if path.name.startswith(TAKEN) else path.with_name(f"{TAKEN}{path.name}")
    try:
        if taken != path:
            path.rename(taken)
        found: dict[str, str] = json.loads(taken.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _let_go(path: Path) -> None:
    taken = path if path.name.startswith(TAKEN) else path.with_name(f"{TAKEN}{path.name}")
    taken.unlink(missing_ok=True)


def _unrecorded(published: Published) -> Iterable[tuple[str, str]]:
    known = MediaFile.objects.filter(path__in=list(published.values()), deleted_at__isnull=True)
    recorded = set(known.values_list("path", flat=True))
    return [(source, name) for source, name in published.items() if name not in recorded]


def _return(name: str, target: Path) -> None:
    """Linked before it is deleted: a name that is free in between may become another job's."""
    if not storage.is_remote():
        try:
            os.link(storages["default"].path(name), target)
        except FileNotFoundError:
            return
        except OSError as error:  # done before, by one who died over it; or another file system
            log.warning("a published file was not taken back", name=name, error=error.strerror)
        else:
            workspace.mark_complete(target.parent, target)
            log.info("a published file was taken back", name=name)
    delete([name])
