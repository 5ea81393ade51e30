"""What a serving process must not load, however much is installed around it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.optional import without

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]


def test_without_a_module_its_import_fails_and_works_again_afterwards() -> None:
    sys.modules.pop("colorsys", None)

    with without("colorsys"), pytest.raises(ImportError):
        importlib.import_module("colorsys")

    assert importlib.import_module("colorsys").rgb_to_hsv


def test_a_module_that_is_loaded_stays_the_same() -> None:
    loaded = importlib.import_module("json")

    with without("json"), pytest.raises(ImportError):
        importlib.import_module("json")

    assert sys.modules["json"] is loaded


def test_no_process_loads_what_only_development_installs(tmp_path: Path) -> None:
    assert not loaded(tmp_path, "import django; django.setup()", "rich", "pygments", "psutil", "greenlet")


def test_the_web_loads_no_library_of_the_workers_and_no_other_database(tmp_path: Path) -> None:
    names = ("psycopg", "pygments", "requests", "yt_dlp")

    assert not loaded(tmp_path, "import downloader_project.wsgi", *names)


def test_a_worker_checks_its_configuration_without_the_web(tmp_path: Path) -> None:
    code = "import django; django.setup(); from jobs.management.commands.worker import Command; Command().check()"
    names = (
        "downloader_project.urls",
        "rest_framework.compat",
        "media_api.errors",
        "django.db.migrations.autodetector",
    )

    assert not loaded(tmp_path, code, *names)


def test_a_worker_loads_nothing_to_guess_character_sets_or_to_read_c(tmp_path: Path) -> None:
    code = "import django; django.setup(); import jobs.management.commands.worker"

    assert loaded(tmp_path, code, "yt_dlp", "requests", "charset_normalizer", "chardet", "pycparser") in (
        ["yt_dlp", "requests"],
        ["requests", "yt_dlp"],
    )


def test_a_chore_of_the_api_loads_no_web(tmp_path: Path) -> None:
    code = "import django; django.setup(); import media_api.retention"

    assert not loaded(tmp_path, code, "media_api.errors", "rest_framework.views")


def loaded(directory: Path, code: str, *names: str) -> list[str]:
    """Which of the modules a fresh Python has loaded after the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*({{*{names!r}}} & {{*sys.modules}}))"],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": os.devnull,
            "STORAGE_DIR": str(directory),
            "DJANGO_SETTINGS_MODULE": "downloader_project.settings",
            "YTDLP_FORMAT": "bv*[height<=?1080]+ba/b",  # a value that takes yt-dlp to check
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()
