"""Whose an unexpected exception is; what sites send is in tests/attacks/test_malformed.py."""

from pathlib import Path

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor

from jobs.engine import blame


def test_a_program_that_answers_nonsense_is_no_fault_of_a_site(tmp_path: Path) -> None:
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text('#!/bin/sh\n[ "$1" = -bsfs ] && echo "version 9"\nexit 0\n')
        (tmp_path / name).chmod(0o755)
    downloader = YoutubeDL({"quiet": True, "ffmpeg_location": str(tmp_path)}, auto_init=False)

    with pytest.raises(ValueError, match="Expecting value") as caught:
        FFmpegPostProcessor(downloader).get_metadata_object("film.mp4")

    assert not blame.is_of_what_was_sent(caught.value)


def test_an_exception_of_the_service_is_its_own() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("nonsense")

    assert not blame.is_of_what_was_sent(caught.value)
