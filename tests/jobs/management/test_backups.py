"""Back-ups of the database that the tests run on; `tests/journeys/test_backup.py` moves a whole installation."""

import io
import json
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.vault import Sealed
from jobs.management.backups import databases, making, restoring
from jobs.management.backups.manifest import NAME, Manifest, Unusable
from jobs.models import Job, Worker
from jobs.states import State
from tests.factories import make_endpoint, make_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(owner: User, tmp_path: Path) -> Path:
    """One of an installation with a user and a job."""
    make_job(owner, State.COMPLETED, title="kept")
    path = tmp_path / "backup"
    making.make(path, with_results=False, as_rows=False, overwrite=False)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("as_rows", [False, True])
def test_a_back_up_of_an_older_version_is_migrated_when_it_is_restored(
    owner: User, tmp_path: Path, as_rows: bool
) -> None:
    make_job(owner, State.COMPLETED, title="Käse 日本", metadata={"views": 3, "tags": ["a", None]}, percent=99.5)
    endpoint = make_endpoint(owner, secret=Sealed.of("a secret"))
    path = tmp_path / "backup"
    call_command("migrate", "jobs", "0007", verbosity=0)
    try:
        making.make(path, with_results=False, as_rows=as_rows, overwrite=False)
    finally:
        call_command("migrate", verbosity=0)
    User.objects.create_user(username="later")

    restored = restoring.restore(path, overwrite=True)

    job = Job.objects.get()
    assert (job.title, job.metadata, job.percent) == ("Käse 日本", {"views": 3, "tags": ["a", None]}, 99.5)
    assert (job.reserved_bytes, job.is_kept_longer) == (0, False)  # columns that are newer than the back-up
    assert [user.username for user in User.objects.all()] == [owner.username]
    endpoint.refresh_from_db()
    assert endpoint.secret.reveal() == "a secret"
    assert not restored.lacks_keys
    assert make_job(owner).pk > job.pk  # numbers go on


def test_an_installation_that_is_in_use_is_not_overwritten(backup: Path) -> None:
    User.objects.create_user(username="later")

    with pytest.raises(CommandError, match=r"users already.*--force"):
        call_command("restore", str(backup))

    assert User.objects.filter(username="later").exists()


def test_nothing_is_restored_under_a_running_service(backup: Path) -> None:
    Worker.objects.create(name="host:1", host="host", slots=1, seen_at=timezone.now())

    with pytest.raises(CommandError, match="stop the service first"):
        call_command("restore", str(backup), "--force")


@pytest.mark.parametrize("damage", ["changed", "missing", "no manifest", "other format", "leads out"])
def test_a_damaged_back_up_is_refused_before_anything_changes(backup: Path, damage: str) -> None:
    told = json.loads((backup / NAME).read_text())
    database = backup / databases.FILES[told["database"]]
    if damage == "changed":
        database.write_bytes(database.read_bytes() + b"x")
    elif damage == "missing":
        database.unlink()
    elif damage == "no manifest":
        (backup / NAME).unlink()
    elif damage == "other format":
        (backup / NAME).write_text(json.dumps(told | {"format": 99}))
    else:
        (backup / NAME).write_text(json.dumps(told | {"files": {"../outside": "0"}}))
    User.objects.create_user(username="later")

    with pytest.raises(CommandError, match=r"damaged|no back-up|format 99|outside"):
        call_command("restore", str(backup), "--force")

    assert User.objects.filter(username="later").exists()


def test_a_back_up_of_a_newer_version_is_refused(backup: Path) -> None:
    told = Manifest.read(backup)
    told.migrations["jobs"] = "9999_from_the_future"
    told.write(backup)

    with pytest.raises(Unusable, match=r"does not know \(jobs 9999_from_the_future\)"):
        restoring.restore(backup, overwrite=True)


def test_missing_keys_are_told(backup: Path) -> None:
    told = Manifest.read(backup)
    told.keys = ["0" * 16]
    told.write(backup)

    with pytest.raises(CommandError, match="ENCRYPTION_KEYS that are not here"):
        call_command("restore", str(backup), "--force", stdout=io.StringIO())


@pytest.mark.slow  # of tables made by migrations, which the quick tests do without
def test_a_back_up_is_for_its_owner_only_and_whole(backup: Path) -> None:
    paths = [backup, *backup.rglob("*")]

    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    assert Manifest.read(backup).migrations["jobs"] >= "0008"
    assert [path.name for path in backup.parent.iterdir()] == ["backup"]


def test_a_back_up_replaces_another_one_only_when_forced(backup: Path) -> None:
    first = (backup / NAME).read_text()

    with pytest.raises(CommandError, match="--force"):
        call_command("backup", str(backup))
    assert (backup / NAME).read_text() == first
    call_command("backup", str(backup), "--force", stdout=io.StringIO())

    assert (backup / NAME).read_text() != first


def test_what_is_no_back_up_is_never_replaced(owner: User, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "holiday.jpg").write_bytes(b"dear")

    with pytest.raises(CommandError, match="no back-up, and is not overwritten"):
        call_command("backup", str(photos), "--force")

    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert (photos / "holiday.jpg").read_bytes() == b"dear"


def test_a_database_of_another_kind_is_refused(backup: Path) -> None:
    told = Manifest.read(backup)
    other = databases.SQLITE if connection.vendor == "postgresql" else databases.PG_DUMP
    (backup / databases.FILES[told.database]).rename(backup / databases.FILES[other])
    told.database = other
    told.write(backup)

    with pytest.raises(CommandError, match=r"another kind.*--portable"):
        call_command("restore", str(backup), "--force")


def test_a_directory_that_cannot_be_written_to_is_told(owner: User, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")

    with pytest.raises(CommandError, match="No back-up was made"):
        call_command("backup", os.fspath(blocked / "backup"))
