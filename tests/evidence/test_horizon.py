"""Horizons: against curves whose half is known."""

import math

import numpy as np
import pytest

from gru_bench.evidence.horizon import horizon


def outcomes(counts, seeds=10):
    """The first seeds solve it, as many as stated for each difficulty."""
    return {d: [seed < count for seed in range(seeds)] for d, count in counts.items()}


def test_it_lies_on_the_line_between_the_shares_over_the_logarithm():
    found = horizon(outcomes({40: 2, 10: 10, 20: 8}))
    assert found.difficulties == [10, 20, 40]
    np.testing.assert_allclose(found.shares, [1, 0.8, 0.2])
    assert found.span.estimate == pytest.approx(20 * math.sqrt(2))
    assert 10 <= found.span.low <= 20
    assert found.span.high >= 40


def test_shares_that_rise_again_are_pooled():
    found = horizon(outcomes({10: 10, 20: 4, 30: 6, 40: 0}))
    assert found.span.estimate == pytest.approx(30)  # 20 and 30 have one half together.


@pytest.mark.parametrize(
    ("count", "estimate", "low", "high"), [(10, math.inf, 20, math.inf), (0, 0, 0, 10)]
)
def test_beyond_what_was_tried_nothing_is_known(count, estimate, low, high):
    span = horizon(outcomes({10: count, 20: count})).span
    assert (span.estimate, span.low, span.high) == (estimate, low, high)


def test_a_sharp_fall_leaves_the_gap():
    span = horizon(outcomes({10: 10, 16: 10, 20: 0})).span
    assert (span.low, span.high) == (16, 20)
    assert 16 < span.estimate < 20


def test_intervals_hold_the_truth():
    """Each seed has a difficulty of its own up to which it solves the task, 50 in the middle."""
    rng = np.random.default_rng(1)
    tried = [16, 25, 32, 40, 50, 64, 100, 160]
    held = 0
    for _ in range(200):
        limits = 50 * np.exp(0.5 * rng.normal(size=10))
        span = horizon({d: (limits >= d).tolist() for d in tried}).span
        held += span.low <= 50 <= span.high
    assert held >= 180
