"""Hooks' numbers as one progress."""

from typing import Any

import pytest

from jobs.engine.contract import Phase, Progress
from jobs.engine.progress import Meter, phase_of


def status(format_id: str, done: int | None, total: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "status": "downloading",
        "info_dict": {"format_id": format_id},
        "downloaded_bytes": done,
        "total_bytes": total,
        **more,
    }


def two_formats(**measures: tuple[Any, Any]) -> dict[str, Any]:
    formats = [
        {"format_id": name, **{key: pair[i] for key, pair in measures.items()}} for i, name in enumerate(("v", "a"))
    ]
    return {"format_id": "v+a", "requested_formats": formats}


def percents(meter: Meter, *statuses: dict[str, Any]) -> list[float | None]:
    return [seen.percent for each in statuses if (seen := meter.update(each)) is not None]


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        ({"filesize": (900, 100)}, [45.0, 90.0, 95.0, 100.0]),
        ({"filesize_approx": (900, None), "tbr": (300, 100)}, [37.5, 75.0, 87.5, 100.0]),
        ({}, [25.0, 50.0, 75.0, 100.0]),
    ],
)
def test_formats_share_the_percentage_by_what_is_known(measures: Any, expected: list[float]) -> None:
    meter = Meter()
    meter.plan(two_formats(**measures))

    seen = percents(meter, status("v", 5, 10), status("v", 10, 10, status="finished"), status("a", 5, 10))
    seen += percents(meter, status("a", 10, 10, status="finished"))

    assert seen == expected


def test_estimates_that_grow_do_not_turn_it_back() -> None:
    meter = Meter()
    meter.plan({"format_id": "v"})

    assert percents(meter, status("v", 5, 10), status("v", 6, 60), status("v", 59, 60)) == [50.0, 50.0, 98.3]


def test_fragments_count_where_bytes_are_estimates() -> None:
    meter = Meter()
    meter.plan({"format_id": "v"})

    assert percents(meter, status("v", 5, 6, fragment_index=1, fragment_count=4)) == [25.0]


def test_unknown_stays_unknown_and_subtitles_do_not_count() -> None:
    meter = Meter()
    meter.plan({"format_id": "v"})

    assert percents(meter, status("v", 5)) == [None]
    assert meter.update({"status": "downloading", "info_dict": {"ext": "vtt"}, "downloaded_bytes": 1}) is None


ABSURD = [float("inf"), float("nan"), 2**63, -1, "many"]


@pytest.mark.parametrize("absurd", ABSURD)
def test_absurd_sizes_are_unknown(absurd: Any) -> None:
    meter = Meter()

    planned = meter.plan({"format_id": "v", "filesize": absurd, "filesize_approx": absurd})
    seen = meter.update(status("v", 5, absurd, total_bytes_estimate=absurd, speed=absurd, eta=absurd))

    assert planned.total_bytes is None
    assert seen == Progress(phase=Phase.DOWNLOADING, downloaded_bytes=5)


@pytest.mark.parametrize("absurd", ABSURD)
def test_absurd_sizes_weigh_nothing(absurd: Any) -> None:
    meter = Meter()
    meter.plan(two_formats(filesize=(absurd, 100), tbr=(absurd, 100)))

    assert percents(meter, status("v", 5, 10), status("v", 10, 10, status="finished")) == [25.0, 50.0]


def test_ffmpeg_fetching_all_formats_at_once_finishes_all() -> None:
    meter = Meter()
    meter.plan(two_formats())

    assert percents(meter, status("v+a", 5, status="finished")) == [100.0]


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("Merger", Phase.MERGING),
        ("ExtractAudio", Phase.CONVERTING),
        ("Container", Phase.CONVERTING),
        ("FixupM3u8", Phase.CONVERTING),
        ("Metadata", Phase.EMBEDDING),
        ("MoveFiles", None),
    ],
)
def test_post_processors_begin_phases(name: str, phase: Phase | None) -> None:
    assert phase_of(name) is phase
