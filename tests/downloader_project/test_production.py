"""What a start in production refuses, and that a first start elsewhere makes its secrets."""

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import ApiKey, User
from jobs.management.commands import setup

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
IMPORT = "from downloader_project import settings; print(settings.ENVIRONMENT)"


def started(storage: Path, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "STORAGE_DIR": str(storage), "ENV_FILE": os.devnull, **variables}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", IMPORT]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def fresh_secrets() -> dict[str, str]:
    """What scripts/new-secrets prints, as variables."""
    printed = subprocess.run(
        [sys.executable, "scripts/new-secrets"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split("=", 1) for line in printed.splitlines())


def test_production_without_secrets_is_refused_in_one_line_and_makes_none(tmp_path: Path) -> None:
    done = started(tmp_path, {"ENVIRONMENT": "Production"})

    assert done.returncode == 1
    assert "SECRET_KEY must be given in production" in done.stderr
    assert "ENCRYPTION_KEYS must be given in production" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 32 characters in production"),
        ("SECRET_KEY", f"change-me-{'x' * 40}", "SECRET_KEY is an example's value"),
        ("API_KEY", "your-secret-api-key-here", "API_KEY is an example's value"),
        ("ADMIN_PASSWORD", "changeme", "ADMIN_PASSWORD is an example's value"),
        ("DEBUG", "true", "DEBUG must be off when ENVIRONMENT is production"),
    ],
)
def test_production_with_a_weak_value_is_refused(tmp_path: Path, name: str, value: str, words: str) -> None:
    done = started(tmp_path, {"ENVIRONMENT": "production", **fresh_secrets(), name: value})

    assert done.returncode == 1
    assert done.stderr.count(name) == 1
    assert words in done.stderr


def test_production_starts_with_the_secrets_that_the_script_prints(tmp_path: Path) -> None:
    done = started(tmp_path, {"ENVIRONMENT": "production", **fresh_secrets()})

    assert (done.returncode, done.stdout.strip()) == (0, "production"), done.stderr
    assert not (tmp_path / "secrets").exists()


def test_a_first_start_elsewhere_makes_secrets_that_only_its_user_reads(tmp_path: Path) -> None:
    done = started(tmp_path, {})

    assert done.returncode == 0, done.stderr
    kept = sorted((tmp_path / "secrets").iterdir())
    assert [path.name for path in kept] == ["encryption_keys", "secret_key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "missing"), [("API_KEY", "ADMIN_PASSWORD"), ("ADMIN_PASSWORD", "API_KEY")])
def test_in_production_nothing_is_made_up_and_printed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    monkeypatch.setattr(setup, "collect_static_files", lambda: None)
    monkeypatch.setattr(setup, "build_manual", lambda: None)
    settings.IS_PRODUCTION = True
    settings.API_KEY = settings.ADMIN_PASSWORD = ""
    setattr(settings, given, "long-enough-for-a-key")

    with pytest.raises(CommandError, match=f"{missing} must be given in production"):
        call_command("setup")

    assert not ApiKey.objects.exists()
    assert User.objects.count() == (1 if given == "ADMIN_PASSWORD" else 0)
