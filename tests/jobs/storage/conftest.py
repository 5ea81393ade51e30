"""The S3 server of these tests, one for each process that runs some of them, and a storage in it for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from downloader_project import storage_url
from tests.s3 import ACCESS_KEY, SECRET_KEY, S3Server, running_s3


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def on_s3(s3: S3Server, settings: Settings, tmp_path: Path) -> S3Server:
    """The service's results lie on the server, below a prefix that is this test's."""
    address = storage_url.parse(s3.storage_url(tmp_path.name))
    backend = address.backend(access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    return s3


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A file of a work directory, on the file system that local results lie on."""
    path = Path(configured.WORK_DIR) / tmp_path.name / "media.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes of a video")
    return path
