"""How long a site asks to be left alone: the header Retry-After of RFC 9110, in either of its forms. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 24 * 3600.0  # nobody means more, and nobody could wait for it


def seconds(value: str, *, now: datetime) -> float | None:
    """From now, at most LONGEST_SECONDS; None for what says nothing, such as the past."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        told = float(value[:9])
    else:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        told = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(told, LONGEST_SECONDS) if told > 0 else None
