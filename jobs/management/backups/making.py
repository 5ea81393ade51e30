"""Writes a back-up while the service runs: database, secrets, and results if they are asked for."""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from jobs import storage
from jobs.management.backups import databases, manifest
from jobs.management.backups.manifest import Manifest, Unusable
from jobs.models import MediaFile

SECRETS = ("secret_key", "encryption_keys")
AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Made:
    """What the back-up holds, and what the operator has to keep besides."""

    database: str
    results: int
    vanished: int  # results that went while they were copied
    size_bytes: int
    from_environment: tuple[str, ...]  # secrets that are no files


def make(target: Path, *, with_results: bool, as_rows: bool, overwrite: bool) -> Made:
    """Write a back-up to `target`, which appears when it is whole. Raises Unusable and OSError."""
    if target.exists() and not overwrite:
        raise Unusable(f"{target} exists. Choose another path, or overwrite it with --force.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700)
    try:
        made = _write(draft, with_results=with_results, as_rows=as_rows)
        _replace(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return made


def _write(root: Path, *, with_results: bool, as_rows: bool) -> Made:
    method = databases.dump(root, as_rows=as_rows)
    missing = _copy_secrets(root)
    results, vanished = _copy_results(root) if with_results else (0, 0)
    told = Manifest(
        version=settings.VERSION,
        created_at=timezone.now().isoformat(),
        database=method,
        migrations=databases.last_migrations(),
        keys=[manifest.fingerprint(key) for key in settings.ENCRYPTION_KEYS],
        results=results,
    )
    told.write(root)
    paths = [path for path in root.rglob("*") if path.is_file()]
    for path in paths:
        path.chmod(0o600)
    size_bytes = sum(path.stat().st_size for path in paths)
    return Made(
        database=method, results=results, vanished=vanished, size_bytes=size_bytes, from_environment=tuple(missing)
    )


def _copy_secrets(root: Path) -> list[str]:
    """Copy the generated ones. Returns the variables that the others come from."""
    missing = []
    (root / "secrets").mkdir(mode=0o700)
    for name in SECRETS:
        path = settings.STORAGE_DIR / "secrets" / name
        if path.is_file() and _is_used(name, path):
            shutil.copyfile(path, root / "secrets" / name)
        else:
            missing.append(name.upper())
    return missing


def _is_used(name: str, path: Path) -> bool:
    """A file may be left from before the variable was set."""
    used = settings.SECRET_KEY if name == "secret_key" else " ".join(settings.ENCRYPTION_KEYS)
    return " ".join(path.read_text(encoding="ascii").replace(",", " ").split()) == used


def _copy_results(root: Path) -> tuple[int, int]:
    copied = vanished = 0
    names = MediaFile.objects.filter(deleted_at__isnull=True).order_by("pk").values_list("path", flat=True)
    for name in names.iterator(AT_ONCE):
        path = root / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with storage.open_result(name) as read, path.open("wb") as write:
                shutil.copyfileobj(read, write, manifest.BLOCK_BYTES)
        except FileNotFoundError:  # it expired meanwhile
            path.unlink(missing_ok=True)
            vanished += 1
        else:
            copied += 1
    return copied, vanished


def _replace(draft: Path, target: Path) -> None:
    """Only a back-up is ever replaced."""
    if target.exists():
        if target.is_dir() and any(target.iterdir()) and not (target / manifest.NAME).is_file():
            raise Unusable(f"{target} is no back-up, and is not overwritten.")
        old = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        target.rename(old)
        draft.rename(target)
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    else:
        draft.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
