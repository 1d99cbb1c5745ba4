"""Statistics against values worked by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from gru_bench.stats import interquartile_mean, mean_interval, paired_difference, wilson_interval


def test_mean_interval_by_hand():
    # Mean 2, s = 1, t(0.975, 2) = 4.302653: half width 4.302653 / sqrt(3).
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.estimate == 2.0
    assert (interval.low, interval.high) == pytest.approx((-0.484138, 4.484138), abs=1e-6)


def test_mean_interval_agrees_with_scipy():
    values = np.random.default_rng(0).normal(size=9)
    expected = scipy_stats.ttest_1samp(values, 0).confidence_interval(0.9)
    interval = mean_interval(list(values), confidence=0.9)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval():
    interval = mean_interval([0.3])
    assert (interval.estimate, interval.low, interval.high) == (0.3, None, None)


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval([0.5, 0.5])
    assert (interval.low, interval.high) == (0.5, 0.5)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 4), (5, 5), (17, 40)])
def test_wilson_interval_agrees_with_scipy(successes, n):
    expected = scipy_stats.binomtest(successes, n).proportion_ci(method="wilson")
    interval = wilson_interval(successes, n)
    assert interval.estimate == successes / n
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_wilson_interval_by_hand():
    # All of n: from n / (n + z²) to 1, with z² = 3.841459.
    interval = wilson_interval(5, 5)
    assert (interval.low, interval.high) == (pytest.approx(5 / 8.841459, abs=1e-6), 1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 6.0], 3.0),
        ([100.0, 1.0, 3.0, -50.0], 2.0),
        ([1.0, 2.0, 3.0, 4.0, 1000.0], 3.0),
        ([0.0, 0.0, 1.0, 2.0, 3.0, 6.0, 90.0, 90.0], 3.0),
    ],
)
def test_interquartile_mean_by_hand(values, expected):
    assert interquartile_mean(values) == expected


def test_paired_difference_keeps_to_shared_seeds():
    pairs, difference = paired_difference({0: 1.0, 1: 2.0, 2: 3.0}, {1: 1.0, 2: 1.0, 9: 50.0})
    assert pairs == 2
    assert difference == mean_interval([1.0, 2.0])


def test_impossible_input_is_refused():
    for call in (
        lambda: mean_interval([]),
        lambda: interquartile_mean([]),
        lambda: wilson_interval(3, 2),
        lambda: wilson_interval(0, 0),
        lambda: paired_difference({0: 1.0}, {1: 1.0}),
    ):
        with pytest.raises(ValueError, match="needs"):
            call()
