"""Which version of a file the bytes in a work directory are of."""

from pathlib import Path

import pytest

from jobs.engine import resumption, workspace

URL = "http://origin.example/a.mp4?token=secret"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ETag": '"a"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, '"a"'),
        ({"ETag": 'W/"a"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "Mon, 01 Jan 2024 00:00:00 GMT"),
        ({"ETag": 'W/"a"'}, None),
        ({"ETag": '"' + "a" * 2000 + '"'}, None),
        ({"ETag": '"a\x01"'}, None),
        ({}, None),
    ],
)
def test_a_strong_etag_names_a_version_and_else_the_date(headers: dict[str, str], expected: str | None) -> None:
    assert resumption.validator(headers) == expected


@pytest.mark.parametrize(
    ("header", "expected"), [("bytes=5-", True), ("bytes=5-9", True), ("bytes=0-9", False), ("bytes=-9", False)]
)
def test_only_a_range_without_the_beginning_resumes(header: str, expected: bool) -> None:
    assert resumption.starts_late(header) is expected
    assert not resumption.starts_late(None)


def test_a_version_outlives_the_process_without_its_address(tmp_path: Path) -> None:
    resumption.Validators(tmp_path).remember(URL, '"a"')

    workspace.prepare(tmp_path)

    assert resumption.Validators(tmp_path).of(URL) == '"a"'
    assert resumption.Validators(tmp_path).of(URL + "1") is None
    assert "secret" not in (tmp_path / workspace.VALIDATORS_NAME).read_text()


def test_a_file_without_a_version_is_forgotten(tmp_path: Path) -> None:
    resumption.Validators(tmp_path).remember(URL, '"a"')
    resumption.Validators(tmp_path).remember(URL, None)

    assert resumption.Validators(tmp_path).of(URL) is None


def test_versions_stay_few_and_the_latest(tmp_path: Path) -> None:
    validators = resumption.Validators(tmp_path)
    for number in range(resumption.MAX_VALIDATORS + 1):
        validators.remember(f"{URL}{number}", '"a"')

    assert resumption.Validators(tmp_path).of(f"{URL}0") is None
    assert resumption.Validators(tmp_path).of(f"{URL}1") == '"a"'


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_half_a_list_of_versions_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / workspace.VALIDATORS_NAME).write_text(content)

    assert resumption.Validators(tmp_path).of(URL) is None
