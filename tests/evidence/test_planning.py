"""Advice on seeds in simulations of known truth."""

import numpy as np
import pytest

from gru_bench.evidence.paired import equivalence_p, typical_p
from gru_bench.evidence.planning import detectable_difference, fewest_pairs, more_seeds
from gru_bench.evidence.rules import MOST_PAIRS, SIGNIFICANCE


def is_decided(differences, margin):
    p_values = [typical_p(differences), equivalence_p(differences, margin)]
    return min(p_values) <= SIGNIFICANCE


def test_fewest_pairs_by_the_number_of_cells():
    assert [fewest_pairs(comparisons) for comparisons in (1, 3, 6)] == [6, 8, 9]


@pytest.mark.parametrize("n", [6, 12])
def test_advice_suffices_about_as_often_as_it_says(n):
    rng = np.random.default_rng(n)
    decided = []
    while len(decided) < 40:
        differences = rng.choice([0, 1, 1.5]) + rng.normal(size=MOST_PAIRS)
        more = more_seeds(differences[:n], 1.5, 1)
        if more is not None and not is_decided(differences[:n], 1.5):
            decided.append(is_decided(differences[: n + more], 1.5))
    assert np.mean(decided) >= 0.8 - 3 * np.sqrt(0.8 * 0.2 / 40)


def test_a_wider_spread_takes_more_seeds():
    differences = np.linspace(-0.4, 2.4, 8)
    assert more_seeds(differences, None, 1) > more_seeds(0.7 * differences + 0.3, None, 1)
    assert more_seeds(differences, None, 6) > more_seeds(differences, None, 1)


def test_no_advice_where_nothing_would_help():
    assert more_seeds(np.array([1.0]), None, 1) is None
    assert more_seeds(np.linspace(-1, 1, 8), None, 1) is None
    assert more_seeds(np.ones(MOST_PAIRS), None, 1) is None


def test_few_pairs_are_advised_as_many_as_a_verdict_needs():
    assert more_seeds(np.array([1.0, 1.01, 0.99]), None, 1) == 3


def test_detectable_difference_falls_with_seeds_and_rises_with_comparisons():
    assert detectable_difference(24, 1) < detectable_difference(10, 1)
    assert detectable_difference(24, 1) < detectable_difference(24, 6)
    assert detectable_difference(8, 6) is None
    assert detectable_difference(1, 1) is None  # without a spread, and without a warning
    rng = np.random.default_rng(0)
    lead = detectable_difference(10, 1)
    found = [typical_p(row) <= SIGNIFICANCE for row in lead + rng.normal(size=(300, 10))]
    assert np.mean(found) > 0.72
