from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from jobs import execution, host, retention
from jobs.states import State
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def test_a_host_whose_disk_is_lost_leaves_the_jobs_to_others(owner: User, settings: Settings, tmp_path: Path) -> None:
    job = make_job(owner)
    lost = tmp_path / "disk"
    lost.write_text("no directory any more")
    settings.WORK_DIR = lost / "work"

    assert execution.claim_next() is None

    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_job_ends_though_its_disk_is_lost(owner: User, settings: Settings, tmp_path: Path) -> None:
    job = make_job(owner, State.RUNNING)
    lost = tmp_path / "disk"
    lost.write_text("no directory any more")
    settings.WORK_DIR = lost / "work"

    assert retention.end(job, State.FAILED)

    job.refresh_from_db()
    assert job.state == State.FAILED


def test_a_host_whose_disk_is_full_takes_no_jobs(settings: Settings, tmp_path: Path) -> None:
    settings.WORK_DIR = tmp_path
    assert host.can_work()

    settings.FREE_DISK_FLOOR_BYTES = 1 << 60

    assert not host.can_work()
    assert list(tmp_path.iterdir()) == []
