"""Intervals over seeds and examples against Student's and against known truth."""

import numpy as np
import pytest

from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.estimates import mean_interval


def table(rng, seeds, examples, by_seed, by_example, rest):
    return (
        by_seed * rng.normal(size=(seeds, 1))
        + by_example * rng.normal(size=(1, examples))
        + rest * rng.normal(size=(seeds, examples))
    )


def test_where_examples_do_not_differ_it_is_students_over_seeds():
    by_seed = np.random.default_rng(0).normal(size=7)
    crossed = crossed_mean(np.repeat(by_seed[:, None], 50, axis=1))
    interval = crossed.interval()
    student = mean_interval(by_seed.tolist())
    assert (interval.low, interval.high) == pytest.approx((student.low, student.high))
    assert crossed.examples_error == pytest.approx(0)


def test_where_seeds_do_not_differ_it_is_students_over_examples():
    by_example = np.random.default_rng(1).normal(size=60)
    crossed = crossed_mean(np.repeat(by_example[None], 6, axis=0))
    interval = crossed.interval()
    student = mean_interval(by_example.tolist())
    assert (interval.low, interval.high) == pytest.approx((student.low, student.high))
    assert crossed.seeds_error == pytest.approx(0)


def test_both_sources_widen_the_interval():
    values = table(np.random.default_rng(2), 8, 300, 0.02, 0.3, 0.3)
    crossed = crossed_mean(values)
    interval = crossed.interval()
    seeds_alone = mean_interval(values.mean(axis=1).tolist())
    assert interval.high - interval.low > 1.3 * (seeds_alone.high - seeds_alone.low)
    assert crossed.examples_error > crossed.seeds_error > 0


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_a_constant_table(value):
    crossed = crossed_mean(np.full((6, 20), value))
    assert (crossed.interval().low, crossed.interval().high) == pytest.approx((value, value))
    assert crossed.p == (0 if value else 1)
    assert crossed.p_within(0.3) == 0
    assert crossed.p_within(0.1) == (1 if value else 0)


@pytest.mark.parametrize(("by_seed", "by_example"), [(0.02, 0.5), (0.1, 0.3), (0.2, 0.02)])
def test_coverage_with_six_seeds(by_seed, by_example):
    rng = np.random.default_rng(3)
    simulations = 400
    covered = 0
    for _ in range(simulations):
        mean = crossed_mean(table(rng, 6, 150, by_seed, by_example, 0.4)).interval()
        covered += mean.low <= 0 <= mean.high
    assert covered / simulations >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / simulations)


def test_p_is_below_five_percent_where_the_interval_says_so():
    rng = np.random.default_rng(4)
    outside = inside = 0
    for _ in range(60):
        crossed = crossed_mean(0.05 + table(rng, 6, 60, 0.02, 0.1, 0.2))
        outside += (crossed.p < 0.05) != (crossed.interval().low <= 0 <= crossed.interval().high)
        within = crossed.interval().low > -0.12 and crossed.interval().high < 0.12
        inside += (crossed.p_within(0.12) < 0.05) == within
    assert (outside, inside) == (60, 60)


def test_too_small_a_table():
    with pytest.raises(ValueError, match="two seeds"):
        crossed_mean(np.zeros((1, 9)))
