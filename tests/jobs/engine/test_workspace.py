"""What of a work directory outlives an attempt that was cut short."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jobs.engine import workspace


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.fixture
def leftovers(tmp_path: Path) -> Path:
    for name in ("v.mp4", "a.m4a.part", "h.mp4.part", "h.mp4.ytdl", "h.mp4.part-Frag3", "h.mp4.part-Frag4.part"):
        (tmp_path / name).write_text("x")
    for name in ("out.mp3", "v.temp.mp4", workspace.LOG_NAME):
        (tmp_path / name).write_text("half")
    workspace.mark_complete(tmp_path, tmp_path / "v.mp4")
    return tmp_path


def test_after_a_kill_only_what_is_safe_to_resume_stays(leftovers: Path) -> None:
    workspace.prepare(leftovers)

    assert names(leftovers) == {"v.mp4", "a.m4a.part", "h.mp4.part", "h.mp4.ytdl", workspace.COMPLETE_NAME}


def test_after_an_orderly_stop_everything_stays_but_the_last_word(leftovers: Path) -> None:
    before = names(leftovers)
    workspace.write_result(leftovers, {"stopped": True, "is_resumable": True})

    workspace.prepare(leftovers)

    assert names(leftovers) == before - {workspace.LOG_NAME}


def test_after_a_failure_in_post_processing_its_products_go(leftovers: Path) -> None:
    workspace.write_result(leftovers, {"failure": {}, "is_resumable": False})

    workspace.prepare(leftovers)

    assert "out.mp3" not in names(leftovers)
    assert "v.mp4" in names(leftovers)


def test_fragments_are_no_complete_partial_files(tmp_path: Path) -> None:
    for name in ("h.mp4.part", "h.mp4.ytdl"):
        (tmp_path / name).write_text("x")
    assert not workspace.drop_complete_partials(tmp_path)

    (tmp_path / "v.mp4.part").write_text("x")
    assert workspace.drop_complete_partials(tmp_path)
    assert names(tmp_path) == {"h.mp4.part", "h.mp4.ytdl"}


def test_half_a_result_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "result.json.new").write_text('{"result": {}')
    assert workspace.read_result(tmp_path) is None

    (tmp_path / workspace.RESULT_NAME).write_text('{"result": {}')
    assert workspace.read_result(tmp_path) is None

    workspace.write_result(tmp_path, {"stopped": True})
    assert workspace.read_result(tmp_path) == {"stopped": True}
    assert names(tmp_path) == {workspace.RESULT_NAME}


def test_what_programs_print_is_no_sign_of_life(tmp_path: Path) -> None:
    (tmp_path / "media.part").write_text("x")
    before = workspace.usage(tmp_path)

    (tmp_path / workspace.LOG_NAME).write_text("frame=1")
    assert workspace.usage(tmp_path) == before

    (tmp_path / "media.part").write_text("xy")
    assert workspace.usage(tmp_path) != before


def test_what_vanishes_while_it_is_counted_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fleeting").mkdir()
    (tmp_path / "lasting").write_text("x" * 100)
    scan = os.scandir

    def scan_too_late(path: Path) -> Any:
        if path.name == "fleeting":
            path.rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_too_late)

    assert workspace.usage(tmp_path).size_bytes == 100
    (tmp_path / "fleeting").mkdir()
    assert workspace.largest_file_bytes(tmp_path) == 100


def test_a_file_that_vanishes_is_no_biggest_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fleeting").write_text("x" * 100)
    listed = list(workspace._files(tmp_path))
    (tmp_path / "fleeting").unlink()
    monkeypatch.setattr(workspace, "_files", lambda _: iter(listed))

    assert workspace.largest_file_bytes(tmp_path) == 0
    assert workspace.usage(tmp_path).size_bytes == 0


def test_symlinks_are_not_followed(tmp_path: Path) -> None:
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    (tmp_path / "big").write_text("x" * 10_000)
    (work_dir / "link").symlink_to(tmp_path / "big")
    (work_dir / "loop").symlink_to(tmp_path)

    assert workspace.usage(work_dir).size_bytes < 1000
    workspace.prepare(work_dir)
    assert (tmp_path / "big").exists()


def test_a_fresh_directory_costs_no_look_at_the_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workspace, "_processes_below", lambda _: pytest.fail("looked"))

    workspace.prepare(tmp_path)


def test_the_process_that_prepares_survives_even_inside(monkeypatch: pytest.MonkeyPatch, leftovers: Path) -> None:
    monkeypatch.chdir(leftovers)

    workspace.prepare(leftovers)

    assert "out.mp3" not in names(leftovers)


def test_a_directory_with_a_longer_name_is_another_ones(tmp_path: Path) -> None:
    directory, other = tmp_path / "1", tmp_path / "10"
    directory.mkdir()
    other.mkdir()
    (directory / "a.part").touch()
    with subprocess.Popen(["sleep", "30"], cwd=other) as neighbour:
        workspace.prepare(directory)

        assert neighbour.poll() is None
        neighbour.kill()
