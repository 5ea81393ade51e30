from datetime import UTC, datetime

import pytest

from jobs.engine import retry_after

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Sun, 22 Nov 2026 12:10:00 GMT", 600),
        ("Sun, 22 Nov 2026 11:10:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, retry_after.LONGEST_SECONDS),
        ("Sun, 22 Nov 9999 12:10:00 GMT", retry_after.LONGEST_SECONDS),
    ],
    ids=lambda value: str(value)[:30],
)
def test_both_forms_are_read_and_nonsense_is_not(value: str, told: float | None) -> None:
    assert retry_after.seconds(value, now=NOW) == told
