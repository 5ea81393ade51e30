"""Brings a back-up back: into an empty installation, or over an existing one when that is forced."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from jobs import queries, storage
from jobs.management.backups import databases, manifest
from jobs.management.backups.manifest import Manifest, Unusable
from jobs.models import MediaFile

AT_ONCE = 500
DRAFTS = ".restore"  # a work directory of no job: what a crash leaves in it is swept


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What came back, and what is to be done by the operator."""

    version: str
    created_at: str
    results: int
    missing: int  # results whose bytes are neither in the back-up nor in the storage
    lacks_keys: bool  # what is stored encrypted cannot be read with the keys that are here


def restore(source: Path, *, overwrite: bool) -> Restored:
    """Check the whole back-up, then replace database, secrets and results. Raises Unusable and OSError.

    Nothing is changed before everything was checked. The service must not run.
    """
    told = Manifest.read(source)
    databases.require_known(told)
    _refuse_running()
    if databases.is_in_use() and not overwrite:
        raise Unusable("This installation has users already. Overwrite all that it has with --force.")
    databases.restore(source, told)
    keys = _restore_secrets(source)
    results = _restore_results(source)
    return Restored(
        version=told.version,
        created_at=told.created_at,
        results=results,
        missing=_missing_results(),
        lacks_keys=not set(told.keys) <= keys,
    )


def _refuse_running() -> None:
    try:
        is_running = queries.living_workers().exists()
    except DatabaseError:  # no tables, or those of another version
        return
    if is_running:
        raise Unusable("Workers run on this database, or did half a minute ago: stop the service first.")


def _restore_secrets(source: Path) -> set[str]:
    """Put the files in place. Returns the fingerprints of the encryption keys that the next start will have."""
    target = settings.STORAGE_DIR / "secrets"
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (source / "secrets").glob("*"):
        beside = target / f".{path.name}.restored"
        shutil.copyfile(path, beside)
        beside.chmod(0o600)
        beside.replace(target / path.name)
    generated = target / "encryption_keys"
    keys = set(settings.ENCRYPTION_KEYS)
    if generated.is_file() and (source / "secrets" / generated.name).is_file():
        keys |= set(generated.read_text(encoding="ascii").replace(",", " ").split())
    return {manifest.fingerprint(key) for key in keys}


def _restore_results(source: Path) -> int:
    """Put every result of the back-up at its name, instead of what is there."""
    root, restored = source / "results", 0
    kept = MediaFile.objects.filter(deleted_at__isnull=True).order_by("pk")
    for file in kept.iterator(AT_ONCE):
        path = root / file.path
        if path.is_file():
            _put(path, file)
            restored += 1
    storage.discard(storage.work_directory(DRAFTS))
    return restored


def _put(path: Path, file: MediaFile) -> None:
    draft = storage.make_work_directory(DRAFTS) / file.public_id
    shutil.copyfile(path, draft)
    storage.delete_result(file.path)
    name = storage.publish(draft, file.path, storage.Described(sha256=file.sha256, mime_type=file.mime_type))
    if name != file.path:
        raise Unusable(f"{file.path} is taken in the storage by something that is no result.")


def _missing_results() -> int:
    there = {one.name for one in storage.results()}
    kept = MediaFile.objects.filter(deleted_at__isnull=True).values_list("path", flat=True)
    return sum(path not in there for path in kept.iterator(AT_ONCE))
