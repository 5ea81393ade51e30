"""What is said about a finished download, made fit for storing."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import products
from jobs.engine.contract import FileRole
from jobs.engine.verification import VerificationError
from tests.jobs.engine.attempts import make_request
from tests.origin import media


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("nul\0 \ud800", "nul ?"),
        (float("nan"), None),
        (float("inf"), None),
        (1.5, 1.5),
        (True, True),
        ({"a": {1, 2}}, {"a": "{1, 2}"}),
        (("a", None), ["a", None]),
        ("x" * 100_000, "x" * products.MAX_CHARACTERS),
        (["a"] * 1000, ["a"] * products.MAX_ITEMS),
    ],
)
def test_values_become_json_that_databases_take(value: Any, expected: Any) -> None:
    assert products.plain(value) == expected
    json.dumps(products.plain(value), allow_nan=False)


def test_the_extension_is_the_one_of_the_file(tmp_path: Path) -> None:
    made = tmp_path / "media.f1.mp4"
    made.write_bytes(b"x")
    info = {"ext": "mkv", "title": "T", "requested_downloads": [{"filepath": str(made)}]}

    assert products.metadata(info)["ext"] == "mp4"
    assert products.template_values(info) == {
        "id": None,
        "title": "T",
        "ext": "mp4",
        "uploader": None,
        "upload_date": None,
        "playlist": None,
        "playlist_index": None,
    }


def place(directory: Path, source: str, name: str) -> Path:
    target = directory / name
    target.write_bytes((media.directory() / source).read_bytes())
    return target


def test_only_companions_that_were_asked_for_are_collected(tmp_path: Path) -> None:
    made = place(tmp_path, "video.mp4", "media.f1.mp4")
    place(tmp_path, "subtitles.en.srt", "media.f1.zh-Hans.srt")
    place(tmp_path, "thumbnail.jpg", "media.f1.jpg")
    info = {"requested_downloads": [{"filepath": str(made)}]}

    files = products.collect(
        make_request("http://a/", tmp_path, download_subtitles=True), info, on_reject=lambda _: None
    )

    assert [(file.role, file.language) for file in files] == [(FileRole.MEDIA, None), (FileRole.SUBTITLE, "zh-Hans")]


def test_a_broken_companion_is_left_out_with_a_word_but_broken_media_is_an_error(tmp_path: Path) -> None:
    made = place(tmp_path, "video.mp4", "media.f1.mp4")
    (tmp_path / "media.f1.jpg").write_text("<html>")
    info = {"requested_downloads": [{"filepath": str(made)}]}
    request = make_request("http://a/", tmp_path, write_thumbnail=True)
    words: list[str] = []

    assert len(products.collect(request, info, on_reject=words.append)) == 1
    assert "media.f1.jpg" in words[0]

    made.write_text("<html>")
    with pytest.raises(VerificationError):
        products.collect(request, info, on_reject=words.append)
