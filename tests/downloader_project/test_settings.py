import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

PROJECT = Path(__file__).resolve().parents[2]
YEAR = 31_536_000


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("with_subdomains", "header"), [(True, f"max-age={YEAR}; includeSubDomains"), (False, f"max-age={YEAR}")]
)
def test_hsts_is_sent_over_tls_and_covers_subdomains_only_if_asked(
    client: Client, settings: Settings, with_subdomains: bool, header: str
) -> None:
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = with_subdomains

    assert client.get("/version", secure=True)["Strict-Transport-Security"] == header
    assert "Strict-Transport-Security" not in client.get("/version").headers


def test_the_first_start_makes_the_storage_closed_to_others(tmp_path: Path) -> None:
    storage = tmp_path / "data"

    subprocess.run(
        [sys.executable, "-c", "from downloader_project import settings"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "STORAGE_DIR": str(storage), "ENV_FILE": os.devnull, "SECRET_KEY": "x"},
        check=True,
    )

    assert storage.stat().st_mode & 0o777 == 0o700
