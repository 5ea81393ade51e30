"""What a child that has been taken over hands to the worker: lies, links, nonsense, bombs."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.conf import settings

from jobs import storage
from jobs.engine import child, messages, supervisor, workspace
from jobs.engine.contract import FailureCode, Outcome, Request
from tests.jobs.engine.attempts import MIB, Recorder, make_request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_engine")]

CONTENT = b"film"
Evil = Callable[[Request, int], None]


def honest(request: Request) -> dict[str, Any]:
    """The result of a child that is well, as it writes it down."""
    (request.work_dir / "media.mp4").write_bytes(CONTENT)
    file = {
        "path": str(request.work_dir / "media.mp4"),
        "role": "media",
        "size_bytes": len(CONTENT),
        "sha256": "0" * 64,
        "mime_type": "video/mp4",
        "duration_seconds": 1.0,
    }
    return {"files": [file], "metadata": {"title": "A film"}, "versions": {"yt_dlp": "1"}}


def outcome_of(evil: Evil, work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """What the supervisor makes of a child that does `evil` instead of its work."""

    def main(request: Request, pipe: int, *, supervisor: int) -> NoReturn:
        try:
            evil(request, pipe)
        finally:
            os._exit(0)

    monkeypatch.setattr(child, "main", main)
    return supervisor.run(make_request("http://a/", work_dir, total_seconds=20.0), Recorder())


def leave(request: Request, result: Any) -> None:
    workspace.write_result(request.work_dir, {"result": result})


def with_file(**lies: Any) -> Evil:
    def evil(request: Request, _: int) -> None:
        result = honest(request)
        changes = {name: lie(request) if callable(lie) else lie for name, lie in lies.items()}
        result["files"][0] |= changes
        leave(request, result)

    return evil


def with_result(**lies: Any) -> Evil:
    return lambda request, _: leave(request, honest(request) | lies)


def in_place_of_the_file(put: Callable[[Path, Path], Any]) -> Evil:
    """`put` gets the path of the result, and a file of somebody else's with the same content."""

    def evil(request: Request, _: int) -> None:
        result = honest(request)
        path, victim = request.work_dir / "media.mp4", request.work_dir.parent / "victim"
        path.unlink()
        put(path, victim)
        leave(request, result)

    return evil


def bind(path: Path, _: Path) -> None:
    os.chdir(path.parent)
    socket.socket(socket.AF_UNIX).bind(path.name)


def as_record(raw: bytes) -> Evil:
    return lambda request, _: (request.work_dir / workspace.RESULT_NAME).write_bytes(raw) and None


def record_is(put: Callable[[Path], Any]) -> Evil:
    return lambda request, _: put(request.work_dir / workspace.RESULT_NAME)


def grow(path: Path, size: int = 65 * MIB) -> None:
    with path.open("wb") as file:
        file.truncate(size)


LIES: dict[str, Evil] = {
    "a file outside": with_file(path="/etc/passwd"),
    "a file of another job": with_file(path=lambda request: str(request.work_dir / "../req_theirs/media.mp4")),
    "a file by way of its parent": with_file(
        path=lambda request: f"{request.work_dir}/../{request.work_dir.name}/media.mp4"
    ),
    "a relative file": with_file(path="media.mp4"),
    "a file that is not there": with_file(path=lambda request: str(request.work_dir / "missing.mp4")),
    "the work directory": with_file(path=lambda request: str(request.work_dir)),
    "its own log": with_file(path=lambda request: str(request.work_dir / workspace.LOG_NAME)),
    "a path with NUL": with_file(path="/etc/passwd\0.mp4"),
    "a path that is a number": with_file(path=7),
    "a wrong size": with_file(size_bytes=5),
    "a negative size": with_file(size_bytes=-4),
    "a size that is text": with_file(size_bytes="4"),
    "a size that is true": with_file(size_bytes=True),
    "a checksum that is none": with_file(sha256="../../x"),
    "a role that is none": with_file(role="admin"),
    "a type that the name does not have": with_file(mime_type="text/html"),
    "a role that the type does not have": with_file(role="info"),
    "a language that is a path": with_file(role="subtitle", mime_type="video/mp4", language="../../x"),
    "a duration that is text": with_file(duration_seconds="1"),
    "an unknown field of a file": with_file(is_admin=True),
    "no files": with_result(files=None),
    "files that are none": with_result(files=["media.mp4"]),
    "more files than there can be": with_result(files=[{}] * 1001),
    "metadata that is a list": with_result(metadata=[]),
    "an extractor that is a number": with_result(extractor=1),
    "an unknown field": with_result(owner=1),
    "nothing but a number": lambda request, _: leave(request, 1),
    "a symlink to a file of somebody else's": in_place_of_the_file(lambda path, victim: path.symlink_to(victim)),
    "a hard link to a file of somebody else's": in_place_of_the_file(lambda path, victim: path.hardlink_to(victim)),
    "a pipe": in_place_of_the_file(lambda path, _: os.mkfifo(path)),
    "a directory with the name of a file": in_place_of_the_file(lambda path, _: path.mkdir()),
    "a socket": in_place_of_the_file(bind),
    "a file larger than the limit": in_place_of_the_file(lambda path, _: grow(path)),
    "one file twice": lambda request, _: leave(request, {"files": honest(request)["files"] * 2}),
    "a failure of no known kind": as_record(b'{"failure": {"code": "root", "message": "x"}}'),
    "a failure without a message": as_record(b'{"failure": {"code": "network"}}'),
    "a failure that is a list": as_record(b'{"failure": []}'),
    "a record that is no JSON": as_record(b"\xff\xfe{"),
    "a record that is a list": as_record(b"[]"),
    "NaN": as_record(b'{"result": {"files": [], "metadata": {"duration": NaN}}}'),
    "Infinity": as_record(b'{"result": {"files": [], "metadata": {"duration": Infinity}}}'),
    "brackets without end": as_record(b'{"result": ' + b"[" * 100_000),
    "objects without end": as_record(b'{"result": {"files": [], "metadata": ' + b'{"a":' * 5000 + b"1" + b"}" * 5002),
    "a number of ten thousand digits": as_record(b'{"result": ' + b"9" * 10_000 + b"}"),
    "a record that is a pipe": record_is(os.mkfifo),
    "a record that is a symlink": record_is(lambda path: path.symlink_to(path.parent.parent / "record")),
    "a record that is a directory": record_is(Path.mkdir),
    "a record larger than any": record_is(grow),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_child_is_not_believed(lie: str, work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work_dir.parent / "victim").write_bytes(CONTENT)
    (work_dir.parent / "record").write_text('{"stopped": true}')

    outcome = outcome_of(LIES[lie], work_dir, monkeypatch)

    assert outcome.result is None
    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.INTERNAL


def test_a_child_that_is_well_is_believed(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = outcome_of(with_result(), work_dir, monkeypatch)

    assert outcome.result is not None
    assert outcome.result.metadata == {"title": "A film"}


def test_metadata_holds_nothing_that_a_database_refuses(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b'{"title": "a\\u0000b\\ud800c\\ud83d\\ude00", "tags": [["\\u0000"]], "duration": 1e999, "\\u0000k": 1}'

    outcome = outcome_of(with_result(metadata=json.loads(raw)), work_dir, monkeypatch)

    assert outcome.result is None  # json.dumps writes the infinity, which is no JSON
    outcome = outcome_of(lambda request, _: infinite(request, raw), work_dir, monkeypatch)
    assert outcome.result is not None
    assert outcome.result.metadata == {"title": "abc\N{GRINNING FACE}", "tags": [[""]], "duration": None, "k": 1}


def infinite(request: Request, raw: bytes) -> None:
    record = (
        json.dumps({"result": honest(request) | {"metadata": {}}})
        .encode()
        .replace(b'"metadata": {}', b'"metadata": ' + raw)
    )
    (request.work_dir / workspace.RESULT_NAME).write_bytes(record)


# --- the pipe ---

NONSENSE = {
    "no JSON": b"hello\n",
    "a number": b"1\n",
    "an unknown message": b'["Exec", {"command": "true"}]\n',
    "a message without fields": b'["Progress", null]\n',
    "an unknown field": b'["Progress", {"phase": "downloading", "x": 1}]\n',
    "a phase that is none": b'["Progress", {"phase": "root"}]\n',
    "a percentage that is text": b'["Progress", {"phase": "downloading", "percent": "99"}]\n',
    "a line that is a list": b'["LogLine", {"level": "info", "text": []}]\n',
    "NaN": b'["Progress", {"phase": "downloading", "percent": NaN}]\n',
    "brackets without end": b"[" * 50_000 + b"\n",
    "bytes that are no text": b"\xff\xfe\n",
}


def says(raw: bytes) -> Evil:
    def evil(request: Request, pipe: int) -> None:
        view = memoryview(raw)
        while view:
            view = view[os.write(pipe, view) :]
        leave(request, honest(request))

    return evil


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_child_that_talks_nonsense_is_ended(nonsense: str, work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = outcome_of(says(NONSENSE[nonsense]), work_dir, monkeypatch)

    assert outcome.result is None
    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.INTERNAL


@pytest.mark.parametrize("number", [b"-1", b"1e999", b"1e30", b"123456789012345678901234567890"])
def test_a_number_that_no_column_holds_counts_as_unknown(number: bytes) -> None:
    line = b'["Progress", {"phase": "downloading", "percent": ' + number + b"}]"
    if number.isdigit():
        line = line.replace(b"percent", b"total_bytes")

    message = messages.decode(line)

    assert getattr(message, "percent", None) is None
    assert getattr(message, "total_bytes", None) is None


def test_a_message_without_end_ends_the_child(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = outcome_of(says(b"x" * (messages.MAX_MESSAGE_BYTES + MIB)), work_dir, monkeypatch)

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.INTERNAL


def test_a_flood_of_lines_neither_fills_the_log_nor_keeps_the_supervisor(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b'["LogLine", {"level": "info", "text": "x"}]\n' * 1000

    def evil(_: Request, pipe: int) -> None:
        while True:
            os.write(pipe, line)

    def main(request: Request, pipe: int, *, supervisor: int) -> NoReturn:
        evil(request, pipe)
        os._exit(0)

    monkeypatch.setattr(child, "main", main)
    recorder = Recorder()
    outcome = supervisor.run(make_request("http://a/", work_dir, total_seconds=1.0), recorder)

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.TIMEOUT
    assert len(recorder.log) + len(outcome.log) == supervisor.MAX_LOG_LINES


# --- the work directory ---


def test_more_files_than_any_download_makes_end_it(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MAX_FILES", 50)

    def evil(request: Request, pipe: int) -> None:
        for number in range(100):
            (request.work_dir / str(number)).touch()
        while True:
            os.write(pipe, b"")

    outcome = outcome_of(evil, work_dir, monkeypatch)

    assert outcome.failure is not None
    assert outcome.failure.code is FailureCode.TOO_LARGE


def test_more_processes_than_any_download_has_end_it(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MAX_PROCESSES", 5)

    def evil(_: Request, pipe: int) -> None:
        os.setsid()
        for _ in range(8):
            if os.fork() == 0:
                break
        while True:
            os.sched_yield()
            os.write(pipe, b"")

    outcome = outcome_of(evil, work_dir, monkeypatch)

    assert outcome.failure is not None
    assert "processes" in outcome.failure.detail


def test_directories_nested_without_end_are_counted_and_deleted(work_dir: Path) -> None:
    os.chdir(work_dir)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(settings.BASE_DIR)

    workspace.usage(work_dir)
    storage.discard(work_dir)

    assert not work_dir.exists()


@pytest.mark.parametrize("strange", ["symlink", "hard link", "pipe", "directory"])
def test_an_attempt_inherits_nothing_strange(strange: str, work_dir: Path) -> None:
    victim = work_dir.parent / "victim"
    victim.write_bytes(CONTENT)
    path = work_dir / "media.mp4"
    make: dict[str, Callable[[], Any]] = {
        "symlink": lambda: path.symlink_to(victim),
        "hard link": lambda: path.hardlink_to(victim),
        "pipe": lambda: os.mkfifo(path),
        "directory": path.mkdir,
    }
    make[strange]()
    workspace.write_result(work_dir, {"stopped": True, "is_resumable": True})

    workspace.prepare(work_dir)

    assert list(work_dir.iterdir()) == []
    assert victim.read_bytes() == CONTENT
