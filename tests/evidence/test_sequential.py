"""The sequential test against hand-worked values, enumeration and simulation."""

import itertools

import numpy as np
import pytest

from gru_bench.evidence import sequential
from gru_bench.evidence.rules import MIN_PAIRS, MOST_PAIRS, SIGNIFICANCE
from gru_bench.evidence.sequential import (
    critical_wins,
    decided_by,
    median_sequence,
    sequential_p,
)


def wins(*signs):
    return np.array([sign > 0 for sign in signs])


@pytest.mark.parametrize("n", range(MIN_PAIRS))
def test_fewer_pairs_than_a_verdict_needs_show_nothing(n):
    assert sequential_p(np.ones(n, bool)) == 1


def test_equal_signs_decide_between_two_cells_at_six_and_among_four_at_nine():
    two_sided = {n: 2 * sequential_p(np.ones(n, bool)) for n in range(6, 12)}
    assert two_sided[6] <= SIGNIFICANCE
    assert two_sided[7] > SIGNIFICANCE / 3 >= two_sided[8]
    assert two_sided[8] > SIGNIFICANCE / 6 >= two_sided[9]


def test_the_first_look_costs_at_least_what_it_costs_alone():
    assert 2**-6 < sequential_p(np.ones(6, bool)) < 2 * 2**-6


def test_a_horizon_of_eight_pairs_agrees_with_all_sequences(monkeypatch):
    monkeypatch.setattr(sequential, "MOST_PAIRS", 8)
    for cached in (sequential._quotients, sequential._crossing_probability):
        cached.cache_clear()
    try:
        sequences = [np.array(s, bool) for s in itertools.product((0, 1), repeat=8)]
        p_values = np.array([sequential_p(s) for s in sequences])
        for p in np.unique(p_values):
            # The p value is the exact share of sequences with that value or a smaller one.
            assert np.mean(p_values <= p + 1e-12) == pytest.approx(p)
    finally:
        for cached in (sequential._quotients, sequential._crossing_probability):
            cached.cache_clear()


def test_a_further_seed_never_raises_p():
    rng = np.random.default_rng(0)
    for _ in range(20):
        sequence = rng.random(40) < 0.7
        path = [sequential_p(sequence[:n]) for n in range(1, 41)]
        assert path == sorted(path, reverse=True)


@pytest.mark.parametrize("level", [0.05, 0.025, 0.025 / 6])
def test_critical_wins_are_those_of_p(level):
    rng = np.random.default_rng(1)
    for _ in range(20):
        sequence = rng.random(30) < 0.75
        path = [sequential_p(sequence[:n]) <= level for n in range(1, 31)]
        assert decided_by(sequence, level).tolist() == path


def test_critical_wins_where_nothing_can_be_decided():
    assert (critical_wins(0.0) == np.arange(MOST_PAIRS + 1) + 1).all()
    assert (critical_wins(0.025)[:MIN_PAIRS] == np.arange(MIN_PAIRS) + 1).all()


def test_pairs_beyond_the_horizon_are_not_looked_at():
    late = np.r_[np.zeros(MOST_PAIRS, bool), np.ones(2000, bool)]
    assert sequential_p(late) == 1
    assert not decided_by(late, SIGNIFICANCE).any()


def test_error_rate_over_every_look():
    fair = np.random.default_rng(2).random((4000, 64)) < 0.5
    wrong = decided_by(fair, 0.05)[:, -1].mean()
    # Most of the error is spent by 64 pairs, and with chance's own spread it stays below 0.05.
    assert 0.03 < wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_ties_count_against_a_verdict():
    assert sequential_p(np.zeros(10) > 0) == 1


def test_the_interval_is_between_order_statistics():
    differences = np.array([3.0, 1.0, 2.0, 6.0, 4.0, 5.0])
    interval = median_sequence(differences)
    # All six of six are needed, so the interval is the range.
    assert (interval.estimate, interval.low, interval.high) == (3.5, 1.0, 6.0)
    assert median_sequence(differences[:5]).low is None


def test_the_interval_excludes_what_the_test_excludes():
    rng = np.random.default_rng(3)
    for n in (6, 9, 17):
        differences = rng.normal(0.5, 1, n)
        interval = median_sequence(differences)
        for end, sign in ((interval.low, 1), (interval.high, -1)):
            beyond, within = end - sign * 1e-9, end + sign * 1e-9
            assert sequential_p(sign * (differences - beyond) > 0) <= 0.025
            assert sequential_p(sign * (differences - within) > 0) > 0.025


def test_intervals_of_looks_that_contradict_each_other():
    # Eight low ones exclude what twenty high ones then show.
    drifting = np.r_[np.linspace(-1.1, -1, 8), np.linspace(1, 1.1, 60)]
    interval = median_sequence(drifting)
    assert 0 < interval.low <= interval.high


def test_nothing_to_estimate():
    with pytest.raises(ValueError, match="at least one"):
        median_sequence(np.array([]))
