"""Which storage STORAGE_URL and the usual variables choose, and what that loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from downloader_project.storage_url import StorageAddress, chosen, parse
from tests.journeys.stack import PROJECT

DEFAULT = Path("/data/files")


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("file:///mnt/shared/results", StorageAddress(directory=Path("/mnt/shared/results"))),
        ("s3://media", StorageAddress(bucket="media")),
        ("s3://media/a/b/", StorageAddress(bucket="media", prefix="a/b")),
        (
            "s3://media/a?endpoint=http://minio:9000/&region=eu-west-1&addressing=path",
            StorageAddress(
                bucket="media", prefix="a", endpoint="http://minio:9000", region="eu-west-1", addressing="path"
            ),
        ),
    ],
)
def test_a_url_is_understood(raw: str, address: StorageAddress) -> None:
    assert parse(raw) == address


@pytest.mark.parametrize(
    "raw",
    [
        "media",
        "http://media",
        "s3://",
        "file://relative/path",
        "file:///",
        "s3://key:secret@media",
        "s3://media:9000",
        "s3://media?endpoint=minio:9000",
        "s3://media?endpoint=https://u:p@minio",
        "s3://media?endpont=https://minio",
        "s3://media?addressing=sideways",
        "s3://media/../other",
        f"s3://media/{'x' * 81}",
    ],
)
def test_what_makes_no_sense_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(raw)


def test_the_usual_variables_choose_a_bucket_and_complete_a_url() -> None:
    usual = {"endpoint": "https://minio", "region": "eu-1", "default": DEFAULT}

    assert chosen("", bucket="", **usual) == StorageAddress(directory=DEFAULT)  # type: ignore[arg-type]
    by_name = chosen("", bucket="media", **usual)  # type: ignore[arg-type]
    assert by_name == StorageAddress(bucket="media", endpoint="https://minio", region="eu-1")
    by_url = chosen("s3://other?region=us-1", bucket="media", **usual)  # type: ignore[arg-type]
    assert by_url == StorageAddress(bucket="other", endpoint="https://minio", region="us-1")
    assert chosen("file:///mnt", bucket="media", **usual).directory == Path("/mnt")  # type: ignore[arg-type]


def test_pages_may_play_what_direct_links_lead_to() -> None:
    assert parse("s3://media?endpoint=https://minio:9000").origins() == [
        "https://minio:9000",
        "https://media.minio:9000",
    ]
    assert "https://media.s3.eu-1.amazonaws.com" in parse("s3://media?region=eu-1").origins()


def started(tmp_path: Path, code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    setup = "import sys, django; django.setup(); from django.core.files.storage import storages; storages['default'];"
    return subprocess.run(
        [sys.executable, "-c", setup + code],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": os.devnull,
            "STORAGE_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "downloader_project.settings",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_what_talks_to_s3_is_loaded_for_s3_alone(tmp_path: Path) -> None:
    code = "print('botocore' in sys.modules)"

    assert started(tmp_path, code).stdout.strip() == "False"
    assert started(tmp_path, code, STORAGE_URL="s3://media").stdout.strip() == "True"


@pytest.mark.slow
def test_a_wrong_url_stops_the_start_with_a_line_that_tells_what_is_wrong(tmp_path: Path) -> None:
    refused = started(tmp_path, "", STORAGE_URL="s3://media?endpoint=minio")

    assert refused.returncode == 1
    assert "STORAGE_URL is wrong: its endpoint must be http://name or https://name" in refused.stderr
