"""The table that people read."""

from bench.figures import Bound, Figure, Target
from bench.table import render

RATIO = Figure(row="a", what="small", unit="s", ours=0.2, reference=1.0, target=Target(Bound.AT_MOST, 0.35))
PLAIN = Figure(row="g", what="memory", unit="MB", ours=310.26, target=Target(Bound.BELOW, 300))


def test_every_figure_has_a_line_below_the_headings() -> None:
    headings, rule, small, memory = render([RATIO, PLAIN]).splitlines()

    assert [cell.strip() for cell in headings.split("|")[1:-1]][:3] == ["row", "what", "ours"]
    assert set(rule) == {"|", "-"}
    assert [cell.strip() for cell in small.split("|")[1:-1]] == [
        *("a", "small", "0.200 s", "1.00 s", "0.20", "<= 0.35", "yes")
    ]
    assert [cell.strip() for cell in memory.split("|")[1:-1]] == ["g", "memory", "310.3 MB", "", "", "< 300 MB", "NO"]


def test_columns_are_aligned() -> None:
    lines = render([RATIO, PLAIN]).splitlines()

    assert len({len(line) for line in lines}) == 1


def test_no_figures_leave_the_headings() -> None:
    assert len(render([]).splitlines()) == 2
