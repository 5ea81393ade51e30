"""Figures as a table for people. Pure text; prints nothing."""

from collections.abc import Sequence

from bench.figures import Figure

HEADINGS = ("row", "what", "ours", "reference", "ratio", "target", "met")


def render(figures: Sequence[Figure]) -> str:
    """A Markdown table, its columns aligned."""
    rows = [HEADINGS, *map(_cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.row,
        figure.what,
        _quantity(figure.ours, figure.unit),
        "" if figure.reference is None else _quantity(figure.reference, figure.unit),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        f"{figure.target}{'' if figure.reference is not None else f' {figure.unit}'}",
        "yes" if figure.is_met else "NO",
    )


def _quantity(value: float, unit: str) -> str:
    digits = 0 if value >= 1000 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f} {unit}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
