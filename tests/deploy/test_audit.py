"""What `make audit` says of pinned packages, by a stand-in for pip-audit: without a database that one says nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
UNKNOWN = {"name": "left", "skip_reason": "not found"}
SOUND: dict[str, Any] = {"name": "right", "version": "1.0", "vulns": []}
WEAK = {"name": "weak", "version": "2.0", "vulns": [{"id": "CVE-2026-1"}]}


def audit(directory: Path, *packages: dict[str, Any]) -> tuple[int, str]:
    report = directory / "report"
    report.write_text(json.dumps({"dependencies": packages}))
    program = directory / "pip-audit"
    program.write_text(f'#!/bin/sh\nwhile [ "$1" != --output ]; do shift; done\ncp {report} "$2"\n')
    program.chmod(0o700)
    command = [sys.executable, PROJECT / "scripts" / "audit-dependencies", program, "requirements.txt"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_without_a_database_nothing_is_called_audited(tmp_path: Path) -> None:
    status, said = audit(tmp_path, UNKNOWN, UNKNOWN)

    assert (status, "DEPENDENCIES WERE NOT AUDITED: there is no database" in said) == (0, True)
    assert "packages audited" not in said


def test_a_known_weakness_fails_and_unknown_packages_are_named(tmp_path: Path) -> None:
    status, said = audit(tmp_path, UNKNOWN, SOUND, WEAK)

    assert status == 1
    assert "weak 2.0: CVE-2026-1" in said
    assert "1 of 3 packages are unknown to the database, left" in said
    assert "2 packages audited, 1 with known weaknesses" in said
