"""Statistics against values worked by hand, against scipy, and in simulations of known truth."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from gru_bench.evidence.estimates import (
    Interval,
    bootstrap_interval,
    holm,
    interquartile_mean_interval,
    largest_failure_rate,
    mean_interval,
    median_interval_from_quartiles,
    median_time_to_event,
    probability_of_improvement,
    wilson_interval,
)


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


def test_products_and_ratios_take_the_ends_that_lie_furthest_apart():
    a, b = Interval(3.0, 2.0, 4.0), Interval(0.5, 0.25, 1.0)
    assert a.product(b) == Interval(1.5, 0.5, 4.0)
    assert a.over(b) == Interval(6.0, 2.0, 16.0)
    unknown = Interval(2.0, None, None)
    assert a.product(unknown) == Interval(6.0, None, None)
    assert unknown.over(a) == Interval(2 / 3, None, None)


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
    assert interval.low == pytest.approx(5 / 8.841459, abs=1e-6)
    assert interval.high == 1.0


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
    assert interquartile_mean_interval(values).estimate == expected


def test_bootstrap_interval_by_hand():
    # Of 3 values a resample's mean is an extreme with probability 1/27, far more than the tail of
    # 7e-8 that the expansion asks for: the interval is the whole range.
    interval = bootstrap_interval([1.0, 2.0, 6.0])
    assert (interval.estimate, interval.low, interval.high) == (3.0, 1.0, 6.0)


def test_bootstrap_interval_agrees_with_all_resamples():
    # Of 6 values there are 6^6 = 46656 resamples; Φ(-t(5) sqrt(6/5)) = Φ(-2.8159) = 0.00243.
    values = np.random.default_rng(1).normal(size=6)
    means = np.sort([np.mean(sample) for sample in itertools.product(values, repeat=6)])
    interval = bootstrap_interval(values.tolist())
    for end, tail in ((interval.low, 0.00243), (interval.high, 1 - 0.00243)):
        assert np.mean(means <= end) == pytest.approx(tail, abs=0.0015)


def test_bootstrap_interval_is_of_the_statistic_and_deterministic():
    values = [*np.random.default_rng(2).normal(size=19).tolist(), 1000.0]
    assert bootstrap_interval(values, np.median) == bootstrap_interval(values, np.median)
    assert bootstrap_interval(values, np.median).high < 10 < bootstrap_interval(values).high


def test_bootstrap_interval_approaches_students():
    values = np.random.default_rng(3).normal(size=200).tolist()
    bootstrap, student = bootstrap_interval(values), mean_interval(values)
    width = student.high - student.low
    assert bootstrap.low == pytest.approx(student.low, abs=0.05 * width)
    assert bootstrap.high == pytest.approx(student.high, abs=0.05 * width)


def test_interquartile_mean_interval():
    interval = interquartile_mean_interval([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0])
    assert interval.estimate == 3.5
    assert 0 <= interval.low < 3.5 < interval.high <= 1000


def test_holm_by_hand():
    # 0.01 x 4; 0.02 x 3; 0.03 x 2 ties with it; 0.9 x 1.
    assert holm([0.9, 0.01, 0.03, 0.02]) == pytest.approx([0.9, 0.04, 0.06, 0.06])
    # 0.04 x 2, then 0.041 x 1 must not fall below it.
    assert holm([0.041, 0.04]) == pytest.approx([0.08, 0.08])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    # Tests that are still to be made count as if their p were 1.
    assert holm([0.01, 0.02], among=4) == holm([0.01, 0.02, 1.0, 1.0])[:2]
    assert holm([0.01, 0.02], among=1) == holm([0.01, 0.02])


def test_probability_of_improvement_counts_ties_half():
    assert probability_of_improvement([0.2, 1e-9, -5.0, 0.0]) == 0.625


def test_median_time_to_event_by_hand():
    assert median_time_to_event([300, None, 100, 200]).estimate == 200
    assert median_time_to_event([300, None, None, 100]).estimate == 300
    assert median_time_to_event([None, None, 100]).estimate == math.inf
    # Of 6 the interval is from first to last (probability 1 - 2/64), of 5 there is none.
    interval = median_time_to_event([1, 2, 3, 4, 5, 6])
    assert (interval.low, interval.high) == (1, 6)
    assert median_time_to_event([1, 2, 3, 4, 5, None]).high == math.inf
    assert median_time_to_event([1, 2, 3, 4, 5]).low is None


def test_median_interval_from_quartiles_by_hand():
    # Quartiles of a standard normal, so s = 1; t(0.975, 99) = 1.984217, sqrt(pi/2) = 1.253314.
    interval = median_interval_from_quartiles(3.0, 3 - 0.6744898, 3 + 0.6744898, 100)
    assert interval.estimate == 3
    assert interval.high - 3 == pytest.approx(1.984217 * 1.253314 / 10, rel=1e-6)
    assert 3 - interval.low == pytest.approx(interval.high - 3)
    assert median_interval_from_quartiles(1.0, 1.0, 1.0, 1).low is None


@pytest.mark.parametrize(("n", "coverage"), [(7, 0.91), (20, 0.93), (50, 0.95)])
def test_median_interval_from_quartiles_covers_what_its_docstring_says(n, coverage):
    samples = np.random.default_rng(0).normal(size=(2000, n))
    quartiles = np.quantile(samples, [0.5, 0.25, 0.75], axis=1).T
    intervals = [median_interval_from_quartiles(q[0], q[1], q[2], n) for q in quartiles]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    assert covered == pytest.approx(coverage, abs=0.02)


@pytest.mark.parametrize("unsolved", [0, 3, 4, 5, 8])
def test_median_time_to_event_is_that_of_kaplan_and_meier(unsolved):
    times = np.random.default_rng(unsolved).integers(1, 2000, 8 - unsolved)
    sample = scipy_stats.CensoredData(uncensored=times, right=[2000] * unsolved)
    survival = scipy_stats.ecdf(sample).sf
    reached = survival.quantiles[survival.probabilities <= 0.5]
    expected = reached[0] if len(reached) else math.inf
    assert median_time_to_event([*times.tolist(), *[None] * unsolved]).estimate == expected


# The intervals cover a little less than they are named for when there are few pairs.
@pytest.mark.parametrize(("n", "expected"), [(6, 0.93), (10, 0.94), (20, 0.95)])
def test_coverage_of_the_bootstrap_interval(n, expected):
    simulations = 300
    samples = np.random.default_rng(n).normal(size=(simulations, n))
    intervals = [bootstrap_interval(sample.tolist()) for sample in samples]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    error = math.sqrt(expected * (1 - expected) / simulations)
    assert covered == pytest.approx(expected, abs=3 * error)


def test_failures_that_are_not_excluded():
    # With ten of ten, 1 - 0.05^(1/10) at most fail.
    assert largest_failure_rate(0, 10) == pytest.approx(1 - 0.05**0.1)
    assert largest_failure_rate(10, 10) == 1
    assert largest_failure_rate(1, 10) > largest_failure_rate(0, 10)


@pytest.mark.parametrize(
    "estimate",
    [
        mean_interval,
        interquartile_mean_interval,
        bootstrap_interval,
        probability_of_improvement,
        median_time_to_event,
    ],
)
def test_nothing_to_estimate_is_refused(estimate):
    with pytest.raises(ValueError, match="needs"):
        estimate([])


def test_impossible_counts_are_refused():
    for successes, n in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="k"):
            wilson_interval(successes, n)
