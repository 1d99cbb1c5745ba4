"""Tests of pairs on made-up differences whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from gru_bench.evidence.paired import (
    equivalence_p,
    mean_p,
    reliability_p,
    sign_p,
    sooner_p,
    step_ratios,
    typical_p,
)
from gru_bench.evidence.rules import MEAN_STRICTNESS, SIGNIFICANCE
from gru_bench.evidence.sequential import median_sequence, sequential_p


def test_sign_p_takes_either_side():
    ahead = np.ones(8)
    assert sign_p(ahead) == sign_p(-ahead) == 2 * sequential_p(ahead > 0)
    assert sign_p(np.zeros(20)) == 1


def test_mean_p_is_students_where_nothing_is_cut_down():
    differences = np.array([1.0, 1.2, 0.8, 1.1, 0.9, 1.3])
    assert mean_p(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert mean_p(-differences) == mean_p(differences)
    assert mean_p(np.stack([differences, -differences])).shape == (2,)


def test_mean_p_is_not_hurt_by_large_gains():
    gains = np.array([1.0, 1.2, 0.8, 1.1, 0.9, 1000.0])
    assert mean_p(gains) < 0.01 < stats.ttest_1samp(gains, 0).pvalue


def test_mean_p_is_hurt_by_large_losses():
    assert mean_p(np.array([1.0, 1.2, 0.8, 1.1, 0.9, -20.0])) == 1


def test_mean_p_without_spread():
    assert mean_p(np.full(6, 0.1)) < 1e-9
    assert mean_p(np.zeros(6)) == 1


def test_typical_p_is_the_larger_of_both():
    even = np.linspace(1, 1.2, 9)
    assert typical_p(even) == sign_p(even)
    wide = np.array([0.01, 0.02, 2.0, 0.03, 1.0, 0.01, 0.02, 0.02, -1.0])
    assert typical_p(wide) == min(1, MEAN_STRICTNESS * mean_p(wide))
    assert typical_p(np.array([1.0])) == 1


def test_equivalence_is_the_interval_inside_the_margin():
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(60):
        differences = rng.normal(0.2, 1, 14)
        interval = median_sequence(differences)
        inside = interval.low > -1.8 and interval.high < 1.8
        assert (equivalence_p(differences, 1.8) <= SIGNIFICANCE) == inside
        found.add(inside)
    assert found == {True, False}


def test_reliability_is_judged_by_the_seeds_that_differ():
    always, half = np.ones(14, bool), np.arange(14) % 2 == 0
    assert reliability_p(always, half) == sign_p(np.ones(7))
    assert reliability_p(half, always) == sign_p(np.ones(7))
    assert reliability_p(always, always) == 1


def test_steps_are_compared_censored():
    steps = np.array([100.0, 300.0, np.inf, np.inf, 200.0])
    others = np.array([200.0, np.inf, 100.0, np.inf, 200.0])
    assert step_ratios(steps, others).tolist() == [0.5, 0.0, np.inf, 1.0]
    sooner = step_ratios(np.full(8, 100.0), np.r_[np.full(4, np.inf), np.full(4, 150.0)])
    assert sooner_p(sooner) == sign_p(np.ones(8))
    assert sooner_p(step_ratios(np.full(8, np.inf), np.full(8, np.inf))) == 1


def draws(kind, rng, shape):
    """Differences of mean 0; `exponential` is skewed, `rare` of two cells that seldom fail."""
    if kind == "exponential":
        return rng.exponential(size=shape) - 1
    if kind == "rare":
        shape = (2, *shape)
        scores = np.where(rng.random(shape) < 0.05, 1 / 6, 1e-3 * rng.lognormal(size=shape))
        return scores[0] - scores[1]
    return rng.normal(size=shape)


@pytest.mark.parametrize("kind", ["normal", "exponential", "rare"])
def test_cells_of_equal_mean_are_seldom_called_typically_better(kind):
    simulations = 400
    differences = draws(kind, np.random.default_rng(1), (simulations, 10))
    wrong = np.mean([typical_p(row) <= SIGNIFICANCE for row in differences])
    assert wrong <= SIGNIFICANCE + 3 * np.sqrt(SIGNIFICANCE * 0.95 / simulations)


def test_a_clear_difference_is_found():
    differences = np.random.default_rng(2).normal(2, 1, (200, 10))
    assert np.mean([typical_p(row) <= SIGNIFICANCE for row in differences]) > 0.75
