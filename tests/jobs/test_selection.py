"""Which entries of a list are wanted."""

import math
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yt_dlp.utils import PlaylistEntries

from jobs.selection import MAX_DIGITS, Filters, Selection, check_items, sort

NUMBERS = st.integers(-99, 99).map(str) | st.integers(0, 99).map(lambda number: f"+{number}") | st.just("")
PARTS = st.builds(
    lambda start, mark, end, step: f"{start}{mark}{end}{step}",
    NUMBERS,
    st.sampled_from(["", "-", ":"]),
    NUMBERS | st.sampled_from(["inf", "infinite"]),
    st.just("") | NUMBERS.map(lambda number: f":{number}"),
)
ANYTHING = st.text("0123456789:-,+ inf", max_size=12).filter(lambda text: not re.search("[0-9]{4}", text))
SPECIFICATIONS = st.lists(PARTS, min_size=1, max_size=4).map(",".join) | ANYTHING
LONG_ENOUGH = 20_000  # entries: `9999:-9999` finds one, and a part has numbers of four digits at most


def accepts(text: str) -> bool:
    try:
        check_items(text)
    except ValueError:
        return False
    return True


def ytdlp_accepts(text: str) -> bool:
    """It also takes what finds nothing in any list, and 0 as a number, for which it has several meanings."""
    try:
        parsed = list(PlaylistEntries.parse_playlist_items(text))
    except (ValueError, TypeError):
        return False
    return all(_finds_something(item if isinstance(item, slice) else slice(item, item)) for item in parsed)


def _finds_something(part: slice) -> bool:
    numbers = {part.start, part.stop} - {None}
    if 0 in numbers:
        return False
    lengths = {LONG_ENOUGH, *(abs(int(number)) for number in numbers - {math.inf})}
    lists = (PlaylistEntries(None, {"entries": [None] * length}) for length in lengths)
    return any(next(iter(entries[part]), None) is not None for entries in lists)


@given(SPECIFICATIONS)
@example("1,2410:-92")
def test_items_are_accepted_exactly_if_ytdlp_finds_something_with_them(text: str) -> None:
    assert accepts(text) is ytdlp_accepts(text)


@pytest.mark.parametrize(
    "text", ["1-10,15", "1:10,15", "-3:", "::2", "5-", "3", "1-inf", ":", "10:1:-1", "-3:-1", "5:-2", "-3:5", "7-7"]
)
def test_what_users_write_is_accepted(text: str) -> None:
    check_items(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty part"),
        ("1,,2", "empty part"),
        ("one", "neither a number nor a range"),
        ("1;2", "neither"),
        ("0", "from 1"),
        ("0-5", "from 1"),
        ("3,5-0", "from 1"),
        ("10-1", "Write 1-10"),
        ("3,10:1", "Write 1-10"),
        ("-1:-3", "ends before it begins"),
        ("1:10:-1", "ends before it begins"),
        ("-3:-1:-1", "ends before it begins"),
        ("5:inf:-1", "ends before it begins"),
        ("1:9:0", "cannot be 0"),
        ("1" * (MAX_DIGITS + 1), "no list reaches"),
        ("1," * 300, "longer than"),
        ("\u0661", "neither"),
    ],
)
def test_a_wrong_specification_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_items(text)


def entry(number: int, **values: Any) -> dict[str, Any]:
    return {"playlist_index": number, "title": f"Film {number}", **values}


@pytest.mark.parametrize(
    ("bounds", "values", "verdict"),
    [
        ({}, {}, True),
        ({"min_duration": 60}, {"duration": 60}, True),
        ({"min_duration": 60}, {"duration": 59}, False),
        ({"max_duration": 60}, {"duration": 61}, False),
        ({"min_duration": 60}, {}, None),
        ({"min_duration": 60}, {"duration": None}, None),
        ({"date_after": "20260101", "date_before": "20260131"}, {"upload_date": "20260131"}, True),
        ({"date_after": "20260101", "date_before": "20260131"}, {"upload_date": "20260201"}, False),
        ({"min_views": 0}, {"view_count": 0}, True),
        ({"max_views": 10}, {"view_count": 11}, False),
        # What is known to be out of bounds is out, whatever else is not known.
        ({"min_views": 5, "max_duration": 10}, {"duration": 11}, False),
    ],
)
def test_bounds_are_inclusive_and_what_is_not_told_is_unknown(
    bounds: dict[str, Any], values: dict[str, Any], verdict: bool | None
) -> None:
    assert Filters(**bounds).admits(entry(1, **values)) is verdict


def test_filters_survive_being_stored() -> None:
    filters = Filters(date_after="20260101", min_views=0)

    assert filters.to_json() == {"date_after": "20260101", "min_views": 0}
    assert Filters.from_json(filters.to_json()) == filters


@pytest.mark.parametrize(
    ("key", "numbers"),
    [(None, [1, 2, 3, 4]), ("duration", [3, 1, 4, 2]), ("title", [2, 1, 3, 4]), ("upload_date", [2, 1, 3, 4])],
)
def test_sorting_puts_the_unknown_last_and_keeps_the_order_of_equals(key: str | None, numbers: list[int]) -> None:
    entries = [
        {"playlist_index": 1, "title": "b", "duration": 5, "upload_date": "20260101"},
        {"playlist_index": 2, "title": "A", "duration": None, "upload_date": "20260102"},
        {"playlist_index": 3, "title": "c", "duration": 9, "upload_date": None},
        {"playlist_index": 4, "title": None, "duration": 5, "upload_date": None},
    ]

    assert [one["playlist_index"] for one in sort(entries, key)] == numbers


def test_a_selection_counts_what_it_leaves_out() -> None:
    entries = [entry(1, duration=10), entry(2, duration=99), entry(3), entry(4, duration=20), entry(5, duration=30)]
    selection = Selection(filters=Filters(max_duration=50), sort_by="duration", most=1)

    chosen = selection.of(entries, downloaded=frozenset({4}))

    assert [one["playlist_index"] for one in chosen.entries] == [4]
    assert (chosen.unknown, chosen.skipped) == (1, 1)


def test_a_reversed_selection_keeps_the_numbers_of_the_list() -> None:
    chosen = Selection(is_reversed=True).of([entry(number) for number in (1, 2, 3)])

    assert [one["playlist_index"] for one in chosen.entries] == [3, 2, 1]


def test_an_empty_selection_takes_everything_as_it_is() -> None:
    entries = [entry(number) for number in (3, 1, 2)]

    assert list(Selection().of(entries).entries) == entries
