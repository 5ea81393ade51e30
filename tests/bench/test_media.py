"""Films of exact sizes."""

from pathlib import Path

import pytest

from bench import NotMeasured, media


def test_fill_appends_a_box_that_players_skip(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")

    media.fill(path, 100)

    content = path.read_bytes()
    assert len(content) == 100
    assert content[:12] == b"film" + (96).to_bytes(4, "big") + b"free"


def test_fill_leaves_a_film_of_the_right_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")

    media.fill(path, 4)

    assert path.read_bytes() == b"film"


@pytest.mark.parametrize("size", [3, 5, 11])
def test_fill_refuses_a_size_that_no_box_can_reach(tmp_path: Path, size: int) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")

    with pytest.raises(NotMeasured):
        media.fill(path, size)
