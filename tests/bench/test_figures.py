"""Percentiles, ratios and targets."""

import pytest

from bench.figures import Bound, Figure, Target, percentile, spread


def figure(ours: float, target: Target, reference: float | None = None) -> Figure:
    return Figure(row="a", what="speed", unit="s", ours=ours, reference=reference, target=target)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 10), (0.95, 19), (0.99, 20), (1.0, 20)])
def test_percentile_is_a_sample_that_the_share_does_not_exceed(share: float, expected: int) -> None:
    samples = [float(number) for number in range(20, 0, -1)]

    assert percentile(samples, share) == expected


def test_percentile_of_one_sample_is_that_sample() -> None:
    assert percentile([7.0], 0.95) == 7.0


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_spread_tells_the_tail() -> None:
    assert spread([float(number) for number in range(1, 101)]) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}


def test_with_a_reference_the_ratio_is_judged() -> None:
    judged = figure(2.0, Target(Bound.AT_MOST, 0.5), reference=4.0)

    assert judged.ratio == 0.5
    assert judged.is_met


def test_without_a_reference_the_figure_itself_is_judged() -> None:
    judged = figure(51.0, Target(Bound.BELOW, 50))

    assert judged.ratio is None
    assert not judged.is_met


@pytest.mark.parametrize(
    ("bound", "below", "at", "above"),
    [
        (Bound.AT_MOST, True, True, False),
        (Bound.AT_LEAST, False, True, True),
        (Bound.BELOW, True, False, False),
    ],
)
def test_bounds(bound: Bound, below: bool, at: bool, above: bool) -> None:
    target = Target(bound, 1.0)

    assert [target.is_met_by(value) for value in (0.9, 1.0, 1.1)] == [below, at, above]
