"""Each check of the health with the thing itself broken, not its answer."""

import re
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as service
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from jobs import health
from jobs.health import Health
from jobs.models import Worker
from jobs.queue import process
from jobs.states import State
from tests.factories import make_job
from tests.redis import running_redis

pytestmark = pytest.mark.django_db
TOOLS = {"yt_dlp": "2026.10.26", "ffmpeg": "7.1", "js_runtime": "deno"}


def make_worker(**fields: object) -> Worker:
    implied = {"name": f"{process.HOST}:1", "host": process.HOST, "slots": 4, "tools": TOOLS}
    return Worker.objects.create(**{**implied, **fields})


def status(name: str) -> Health:
    return health.report()[name].status


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose PATH is empty, and whose Python stands alone."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def test_all_is_well_with_a_worker_that_has_its_tools() -> None:
    make_worker()

    with time_machine.travel("2026-11-22T12:00:00Z"):
        Worker.objects.update(seen_at=timezone.now())
        checks = health.report()

    assert tuple(checks) == health.NAMES
    assert {check.status for check in checks.values()} == {Health.OK}, checks


def test_a_broker_that_ends_is_noticed_and_so_is_its_return(tmp_path: Path, settings: Settings) -> None:
    with running_redis(tmp_path) as url:
        settings.REDIS_URL = url
        assert status("broker") is Health.OK

    check = health.report()["broker"]
    assert (check.status, check.message) == (Health.FAILED, "Redis does not answer: downloads wait")


def test_a_silent_broker_is_not_waited_for(settings: Settings) -> None:
    settings.REDIS_URL = "redis://192.0.2.1:6379/0"  # reserved for documentation: nobody answers

    assert status("broker") is Health.FAILED


def test_a_storage_that_takes_nothing_is_noticed(tmp_path: Path, settings: Settings) -> None:
    files = tmp_path / "files"
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": files, "base_url": None}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    assert status("storage") is Health.OK
    assert list(files.iterdir()) == []  # nothing of the probe is left

    shutil.rmtree(files)
    files.touch()  # not even root stores anything there

    assert health.report()["storage"] == health.Check(Health.FAILED, "not available")


def test_a_full_disk_is_noticed(settings: Settings) -> None:
    settings.FREE_DISK_FLOOR_BYTES = 2**60

    assert status("disk") is Health.FAILED


def test_workers_that_are_gone_or_silent_are_noticed() -> None:
    assert status("workers") is Health.FAILED

    worker = make_worker()
    assert status("workers") is Health.OK

    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(seconds=31))
    assert status("workers") is Health.FAILED


def test_a_worker_without_ffmpeg_is_noticed() -> None:
    make_worker()
    make_worker(name="other:1", host="other", tools={**TOOLS, "ffmpeg": ""})

    check = health.report()["ffmpeg"]

    assert (check.status, check.message) == (Health.FAILED, "missing on 1 of 2 workers: downloads fail there")


def test_a_worker_without_a_javascript_runtime_is_a_warning() -> None:
    make_worker(tools={**TOOLS, "js_runtime": ""})

    assert status("js_runtime") is Health.WARNING


def test_without_a_worker_this_machine_is_looked_at(no_programs: Path, settings: Settings) -> None:
    settings.FFMPEG_LOCATION = str(no_programs)

    checks = health.report()

    assert (checks["ffmpeg"].status, checks["js_runtime"].status) == (Health.FAILED, Health.WARNING)


def test_an_old_yt_dlp_is_a_warning_with_what_to_do() -> None:
    make_worker()
    make_worker(name="other:1", host="other", tools={**TOOLS, "yt_dlp": "2025.01.15"})

    check = health.report()["yt_dlp"]

    assert check.status is Health.WARNING
    assert check.message.startswith("2025.01.15 is ")
    assert "update_engine" in check.message


def test_a_worker_of_an_older_version_tells_nothing_and_harms_nothing() -> None:
    make_worker(tools={})

    assert {check.status for check in health.report().values()} <= {Health.OK, Health.WARNING}


def test_no_message_names_a_machine() -> None:
    make_worker(host="secret-host", name="secret-host:1", tools={"yt_dlp": "1", "ffmpeg": "", "js_runtime": ""})

    assert "secret-host" not in str(health.report())


def test_the_worker_of_this_machine_says_that_it_is_alive(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    make_worker()
    make_job(owner, State.RUNNING, worker_host=process.HOST)

    call_command("worker", "--check")

    out = capsys.readouterr().out
    assert re.fullmatch(rf"ok: {re.escape(process.HOST)}:1, seen \d+ s ago, 1 of 4 downloads\n", out), out


@pytest.mark.parametrize(
    ("silent", "line"),
    [
        (31, "has given no sign of life for 31 s"),
        (7200, f"no worker is alive on {process.HOST}; the last sign of life came at "),
        (None, f"no worker is alive on {process.HOST}; there never was one"),
    ],
    ids=["silent", "gone", "never"],
)
def test_a_dead_worker_of_this_machine_is_a_failure(
    silent: int | None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_worker(name="other:1", host="other")
    if silent is not None:
        make_worker(seen_at=timezone.now() - timedelta(seconds=silent))

    with pytest.raises(SystemExit) as ended:
        call_command("worker", "--check")

    out = capsys.readouterr().out
    assert ended.value.code == 1
    assert out.startswith("failed: ")
    assert line in out
    assert out.count("\n") == 1


def test_without_a_database_the_rest_is_told_still() -> None:
    def gone(*_: object) -> None:
        raise OperationalError("host=secret")

    with connection.execute_wrapper(gone):
        checks = health.report()

    unknown = {name for name, check in checks.items() if "not known" in check.message}
    assert checks["database"].status is Health.FAILED
    assert unknown == {"workers", "ffmpeg", "js_runtime", "yt_dlp"} | (set() if service.REDIS_URL else {"broker"})
    assert checks["disk"].status is Health.OK
