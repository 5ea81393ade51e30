"""Enumerations as the choices of a column."""

from enum import StrEnum


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Pairs of value and label."""
    return [(member.value, member.value.replace("_", " ") or "none") for member in enum]
