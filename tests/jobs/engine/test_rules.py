from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine import rules
from jobs.engine.contract import Options


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (0, 0),
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("90.25", 90.25),
        ("1:30", 90),
        ("00:01:30.5", 90.5),
        ("99:59:59", 359_999),
        ("100:00", 6000),
        (" 1:30 ", 90),
    ],
)
def test_times_are_read_as_people_write_them(written: object, expected: float) -> None:
    assert rules.seconds(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        -1,
        -0.001,
        float("nan"),
        float("inf"),
        1e9,
        True,
        None,
        "",
        "-1",
        "1:60",
        "1:2:3",
        "1:00:00:00",
        "1e3",
        "∞",
        [],
        "\u0661",
        10**400,
    ],
)
def test_what_is_no_time_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="A time"):
        rules.seconds(written)


@given(st.text(max_size=20) | st.floats() | st.integers())
def test_any_value_is_a_bounded_time_or_refused(written: object) -> None:
    try:
        number = rules.seconds(written)
    except ValueError:
        return

    assert 0 <= number <= rules.MAX_CLIP_SECONDS


def fields(attempt_seconds: float = 1800, live_seconds: float | None = None, **options: Any) -> list[str]:
    found = rules.contradictions(Options(**options), attempt_seconds=attempt_seconds, live_seconds=live_seconds)
    assert all(message.endswith(".") for message in found.values())
    return list(found)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"clip_start": 5.0, "clip_end": 5.0}, "clip_end"),
        ({"clip_start": 9.0, "clip_end": 5.0}, "clip_end"),
        ({"clip_end": 0.0}, "clip_end"),
        ({"clip_start": 5.0, "live_from_start": True}, "clip_start"),
        ({"clip_end": 5.0, "max_live_duration_sec": 60}, "clip_end"),
        ({"embed_subtitles": True, "video_format": "avi"}, "embed_subtitles"),
        ({"embed_subtitles": True, "video_format": "flv"}, "embed_subtitles"),
        ({"sponsorblock_remove": ("intro", "sponsor"), "sponsorblock_mark": ("sponsor",)}, "sponsorblock_mark"),
        ({"max_live_duration_sec": 1800}, "max_live_duration_sec"),
        ({"max_live_duration_sec": 600, "timeout_sec": 600}, "max_live_duration_sec"),
        ({"max_live_duration_sec": 61, "live_seconds": 60}, "max_live_duration_sec"),
    ],
)
def test_options_that_contradict_each_other_are_named(options: dict[str, Any], field: str) -> None:
    assert fields(**options) == [field]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clip_start": 0.0, "clip_end": 0.5},
        {"clip_start": 5.0, "clip_end": 9.0, "sponsorblock_remove": ("intro",), "split_chapters": True},
        {"embed_subtitles": True, "video_format": "avi", "audio_only": True},
        {"embed_subtitles": True, "video_format": "mov"},
        {"sponsorblock_remove": ("intro",), "sponsorblock_mark": ("sponsor",)},
        {"max_live_duration_sec": 1620, "live_from_start": True},
        {"max_live_duration_sec": 6480, "timeout_sec": 7200},
    ],
)
def test_options_that_go_together_are_accepted(options: dict[str, Any]) -> None:
    assert fields(**options) == []


@pytest.mark.parametrize(
    ("asked", "allowed", "expected"),
    [(None, None, 900), (60, None, 60), (None, 30, 30), (60, 30, 30), (None, 5000, 900)],
)
def test_a_recording_ends_before_its_attempt_does(asked: int | None, allowed: float | None, expected: float) -> None:
    options = Options(max_live_duration_sec=asked)

    assert rules.recording_seconds(options, attempt_seconds=1000, live_seconds=allowed) == expected
