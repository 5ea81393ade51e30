"""The child's hooks and logger, and what it makes of errors. Whole runs: see test_supervisor."""

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import DownloadError

from jobs.engine import child, feeds, messages, workspace
from jobs.engine.child import Attempt, Log, StopRequested, TooLarge
from jobs.engine.contract import LogLine, Phase, Progress
from jobs.engine.messages import Chosen, Message, Sender
from tests.jobs.engine.attempts import MIB, make_request


class Pipe:
    """Both ends of a child's pipe."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self.sender = Sender(self._writing)

    def received(self) -> list[Message]:
        if not select.select([self._reading], [], [], 0)[0]:
            return []
        return [messages.decode(line) for line in os.read(self._reading, MIB).splitlines()]

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    both = Pipe()
    yield both
    both.close()


@pytest.fixture
def attempt(pipe: Pipe, tmp_path: Path) -> Attempt:
    made = Attempt(make_request("http://a/", tmp_path, max_file_bytes=MIB))
    made._sender = pipe.sender
    return made


def status(**changes: Any) -> dict[str, Any]:
    return {
        "status": "downloading",
        "info_dict": {"format_id": "1"},
        "downloaded_bytes": 10,
        "total_bytes": 100,
    } | changes


def test_progress_is_reported_four_times_a_second_at_most(attempt: Attempt, pipe: Pipe) -> None:
    attempt.on_chosen({"format_id": "1"})
    for _ in range(100):
        attempt.on_progress(status())
    attempt.on_progress(status(status="finished", downloaded_bytes=100))

    chosen, begun, first, last = pipe.received()

    assert chosen == Chosen(format_id="1")
    assert begun == Progress(phase=Phase.DOWNLOADING)
    assert isinstance(first, Progress)
    assert isinstance(last, Progress)
    assert (first.percent, last.percent) == (10.0, 100.0)


def test_the_title_is_told_from_the_moment_the_page_is_read(attempt: Attempt, pipe: Pipe) -> None:
    attempt.on_chosen({"format_id": "1", "title": "A film\0" + "x" * 1000})
    attempt.on_progress(status())

    titles = [message.title for message in pipe.received() if isinstance(message, Progress)]

    assert titles == ["A film" + "x" * 494] * 2


def test_the_number_of_a_pages_only_video_is_no_part_of_its_title(attempt: Attempt, pipe: Pipe) -> None:
    attempt.on_chosen({"format_id": "1", "title": "A film (1)", "extractor": "html5"})

    titles = [message.title for message in pipe.received() if isinstance(message, Progress)]

    assert titles == ["A film"]


@pytest.mark.parametrize("format_id", [None, "", "a b", "a/b", "v\0", "a[b]", "x" * 201, "é"])
def test_a_format_that_cannot_be_pinned_is_not_told(format_id: str | None, attempt: Attempt, pipe: Pipe) -> None:
    attempt.on_chosen({"format_id": format_id})

    assert not any(isinstance(message, Chosen) for message in pipe.received())


def test_a_joint_format_of_the_longest_kind_is_told(attempt: Attempt, pipe: Pipe) -> None:
    attempt.on_chosen({"format_id": "v" * 100 + "+" + "a" * 99})

    assert pipe.received()[0] == Chosen(format_id="v" * 100 + "+" + "a" * 99)


def test_whole_files_are_noted(attempt: Attempt, tmp_path: Path) -> None:
    attempt.on_progress(status(status="finished", filename=str(tmp_path / "v.mp4")))

    assert (tmp_path / workspace.COMPLETE_NAME).read_text() == "v.mp4\n"


def test_too_many_bytes_end_the_download(attempt: Attempt) -> None:
    with pytest.raises(TooLarge):
        attempt.on_progress(status(downloaded_bytes=MIB + 1))


def test_a_stop_is_heeded_between_blocks_and_between_post_processors(attempt: Attempt) -> None:
    attempt._stop()

    with pytest.raises(StopRequested):
        attempt.on_progress(status())
    with pytest.raises(StopRequested):
        attempt.on_postprocessor({"status": "started", "postprocessor": "Merger"})


def test_each_phase_is_told_once(attempt: Attempt, pipe: Pipe) -> None:
    for name in ("Merger", "Merger", "MoveFiles", "Metadata", "EmbedThumbnail"):
        for step in ("started", "started", "finished"):
            attempt.on_postprocessor({"status": step, "postprocessor": name})

    assert pipe.received() == [Progress(phase=Phase.MERGING), Progress(phase=Phase.EMBEDDING)]


@pytest.mark.parametrize(
    ("method", "message", "line"),
    [
        ("debug", "[debug] x", LogLine(level="debug", text="[debug] x")),
        ("debug", "[info] x", LogLine(level="info", text="[info] x")),
        ("warning", "\x1b[0;33mWARNING:\x1b[0m x", LogLine(level="warning", text="WARNING: x")),
        ("error", "http://u:p@a/b?token=secret#c", LogLine(level="error", text="http://a/b")),
        ("info", "{work}/media.mp4", LogLine(level="info", text="media.mp4")),
        ("info", "a\0b \ud800", LogLine(level="info", text="ab ?")),
        ("info", "x" * 9000, LogLine(level="info", text="x" * child.MAX_LINE_CHARACTERS)),
    ],
)
def test_lines_are_levelled_bounded_and_free_of_secrets(
    method: str, message: str, line: LogLine, pipe: Pipe, tmp_path: Path
) -> None:
    log = Log(pipe.sender, tmp_path)

    getattr(log, method)(message.replace("{work}", str(tmp_path)))

    assert pipe.received() == [line]


def test_a_flood_of_lines_is_cut_off(pipe: Pipe, tmp_path: Path) -> None:
    log = Log(pipe.sender, tmp_path)
    lines = 0

    for number in range(child.MAX_LINES + 100):
        log.info(str(number))
        lines += len(pipe.received())

    assert lines == child.MAX_LINES
    assert log.tail[-1] == str(child.MAX_LINES + 99)


def test_a_refused_range_is_found_behind_any_wrapping() -> None:
    response = Response(fp=open(os.devnull, "rb"), url="http://a/", headers={}, status=416)  # noqa: PTH123, SIM115
    refused = HTTPError(response)
    wrapped = DownloadError("unable to download video data", (HTTPError, refused, None))

    assert child._is_range_refused(wrapped)
    assert not child._is_range_refused(DownloadError("HTTP Error 416"))
    response.close()


def test_every_child_reads_feeds_lazily(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds.generic.GenericIE, "_extract_rss", feeds._read_whole)

    attempt._parameters()

    assert feeds.generic.GenericIE._extract_rss is feeds._read_lazily
