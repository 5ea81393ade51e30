"""`manage.py storage check|repair`, on the file system and on S3."""

import io
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from jobs import storage
from jobs.models import Job
from jobs.states import State
from jobs.storage.results import backend
from tests.factories import make_job
from tests.jobs.storage.inventory_cases import with_result

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def somewhere(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An empty storage of either kind, and no other work directories; files count as settled at once."""
    if request.param == "s3":
        request.getfixturevalue("on_s3")
    else:
        default = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files", "base_url": None}}
        settings.STORAGES = {**settings.STORAGES, "default": default}
    shutil.rmtree(configured.WORK_DIR, ignore_errors=True)
    monkeypatch.setattr(type(backend()), "settle_time", timedelta(seconds=-60))
    return str(request.param)


def told(action: str, *options: str) -> list[dict[str, Any]]:
    output = io.StringIO()
    try:
        call_command("storage", action, "--json", *options, stdout=output)
    except CommandError as error:
        assert error.returncode == 1  # noqa: PT017  (and the findings count)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def faults(found: list[dict[str, Any]]) -> dict[str, str]:
    return {one["name"]: one["fault"] for one in found}


def state_of(job: Job) -> str:
    return Job.objects.get(pk=job.pk).state


def test_a_storage_that_is_well_has_no_findings(owner: User, somewhere: str) -> None:
    with_result(owner)
    storage.make_work_directory(make_job(owner, State.PAUSED).public_id)

    assert told("check", "--deep") == []
    assert told("repair", "--deep") == []


def test_everything_that_is_wrong_is_found_and_repaired(owner: User, somewhere: str) -> None:
    well = with_result(owner)
    lost, short, damaged = with_result(owner), with_result(owner, size_bytes=17), with_result(owner, sha256="0" * 64)
    storage.delete_result(lost.files.get().path)
    orphan = with_result(owner)
    name = orphan.files.get().path
    orphan.files.all().delete()
    storage.make_work_directory("req_nobody")
    paths = [job.files.get().path for job in (lost, short, damaged)]

    found = told("check")
    deep = told("check", "--deep")

    known = {paths[0]: "missing", paths[1]: "wrong size", name: "orphan", "req_nobody": "leftover work directory"}
    assert faults(found) == known
    assert faults(deep) == known | {paths[2]: "wrong hash"}
    assert {one["job"] for one in deep if one["job"]} == {job.public_id for job in (lost, short, damaged)}
    assert state_of(lost) == State.COMPLETED  # a check changes nothing

    repaired = told("repair", "--deep")

    assert all(one["done"] for one in repaired)
    assert [state_of(job) for job in (well, lost, short, damaged)] == [State.COMPLETED, *[State.EXPIRED] * 3]
    assert told("check", "--deep") == []
    assert {one.name for one in storage.results()} == {well.files.get().path}
    assert not storage.work_directory("req_nobody").exists()


def test_a_file_that_has_just_come_is_no_orphan_yet(
    owner: User, somewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = with_result(owner)
    orphan.files.all().delete()
    monkeypatch.setattr(type(backend()), "settle_time", timedelta(minutes=5))

    assert told("check") == []


def test_findings_are_told_to_people_too_and_end_with_one(owner: User, somewhere: str) -> None:
    job = with_result(owner)
    storage.delete_result(job.files.get().path)
    output = io.StringIO()

    with pytest.raises(CommandError, match="repair") as error:
        call_command("storage", "check", stdout=output)

    assert error.value.returncode == 1
    assert output.getvalue() == f"missing: {job.files.get().path} of job {job.public_id}\n1 wrong\n"


@pytest.mark.slow
@pytest.mark.usefixtures("on_s3")
def test_a_store_that_is_away_is_told_and_nothing_counts_as_missing(owner: User, settings: Settings) -> None:
    job = with_result(owner)
    options = {**settings.STORAGES["default"]["OPTIONS"], "endpoint_url": "http://127.0.0.1:9"}
    settings.STORAGES = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options}}

    with pytest.raises(CommandError, match="out of reach"):
        call_command("storage", "repair", stdout=io.StringIO())

    assert state_of(job) == State.COMPLETED
