"""The units as systemd reads them, where it is installed, and what they must say."""

import configparser
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.documents import PROJECT

UNITS = sorted((PROJECT / "deploy" / "systemd").glob("*.service"))
SERVING = [unit for unit in UNITS if "setup" not in unit.name]
ANALYZE = shutil.which("systemd-analyze")


def section(unit: Path) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser["Service"]


def test_there_are_units_for_one_machine_and_for_web_and_worker_apart() -> None:
    assert [unit.name for unit in UNITS] == [
        "media-downloader-setup.service",
        "media-downloader-web.service",
        "media-downloader-worker.service",
        "media-downloader.service",
    ]


@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/media-downloader/.venv/bin/python", sys.executable)
        text = text.replace("/opt/media-downloader/.venv/bin/gunicorn", sys.executable)
        (tmp_path / unit.name).write_text(text)

    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )

    told = [line for line in done.stderr.splitlines() if "media-downloader" in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.parametrize("unit", SERVING, ids=lambda unit: unit.stem)
def test_it_comes_back_after_a_kill_and_goes_as_a_whole(unit: Path) -> None:
    service = section(unit)

    assert service["Restart"] == "on-failure"
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 10  # SHUTDOWN_GRACE_SECONDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_runs_as_its_own_user_and_writes_to_its_own_directory_only(unit: Path) -> None:
    service = section(unit)

    assert service["User"] == "media-downloader"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert "STORAGE_DIR=/var/lib/media-downloader" in service["Environment"].split()
    assert service["StateDirectory"] == "media-downloader"


def test_a_stop_leaves_no_failed_unit() -> None:
    """`manage.py run` ends with 128 and the signal's number, as shells have it; systemd takes that for a failure."""
    [alone] = [unit for unit in UNITS if unit.stem == "media-downloader"]

    assert section(alone)["SuccessExitStatus"] == str(128 + signal.SIGTERM)
