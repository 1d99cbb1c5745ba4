"""Statistics over tasks against values worked by hand, scipy and the published definitions."""

import itertools

import numpy as np
import pytest
from scipy import stats

from gru_bench.evidence.across_tasks import (
    area_under_sensitivity,
    expected_best,
    interquartile_mean,
    normalised,
    performance_profile,
    probability_of_improvement,
)


def two_tasks(seed=0, lead=0.0):
    rng = np.random.default_rng(seed)
    return {"copy": rng.normal(0.5 + lead, 0.1, 8), "adding": rng.normal(0.8 + lead, 0.05, 10)}


def test_a_score_and_an_error_on_one_scale():
    assert normalised(np.array([0.125, 1.0]), 0.125, 1.0).tolist() == [0, 1]
    assert normalised(np.array([1 / 6, 1 / 12, 0.0]), 1 / 6, 0.0) == pytest.approx([0, 0.5, 1])


def test_interquartile_mean_is_that_of_all_seeds_of_all_tasks():
    scores = two_tasks()
    interval = interquartile_mean(scores)
    together = np.concatenate(list(scores.values()))
    assert interval.estimate == pytest.approx(stats.trim_mean(together, 0.25))
    assert interval.low < interval.estimate < interval.high
    assert interquartile_mean(scores) == interval


def test_the_bootstrap_draws_within_each_task():
    # Tasks without any spread have none over resamples, however far they are apart.
    constant = {"a": np.zeros(6), "b": np.ones(6)}
    interval = interquartile_mean(constant)
    assert (interval.low, interval.estimate, interval.high) == (0.5, 0.5, 0.5)


def test_interval_of_the_interquartile_mean_covers_about_what_it_is_named_for():
    truth = 0.5
    held = [
        interval.low <= truth <= interval.high
        for seed in range(200)
        for interval in [
            interquartile_mean(
                {t: np.random.default_rng((seed, t)).normal(truth, 0.1, 10) for t in range(3)}
            )
        ]
    ]
    assert np.mean(held) > 0.88


def test_performance_profile_by_hand():
    scores = {"a": np.array([0.1, 0.5, 0.9, 1.0]), "b": np.array([0.4, 0.6])}
    profile = performance_profile(scores, np.array([0.0, 0.5, 1.0]))
    assert profile.tolist() == [1.0, 0.5, 0.0]


def test_probability_of_improvement_is_mann_and_whitneys():
    a, b = two_tasks(1, lead=0.05), two_tasks(2)
    expected = np.mean(
        [
            stats.mannwhitneyu(a[t], b[t], alternative="greater").statistic
            / (len(a[t]) * len(b[t]))
            for t in a
        ]
    )
    interval = probability_of_improvement(a, b)
    assert interval.estimate == pytest.approx(expected)
    assert interval.low < interval.estimate < interval.high
    assert probability_of_improvement(b, a).estimate == pytest.approx(1 - expected)
    assert probability_of_improvement(a, a).estimate == 0.5


def test_probability_of_improvement_needs_the_same_tasks():
    with pytest.raises(ValueError, match="tasks differ"):
        probability_of_improvement({"a": np.ones(2)}, {"b": np.ones(2)})


@pytest.mark.parametrize("trials", [[0.3, 0.9, 0.5], [0.2, 0.2, 0.7, 0.1]])
def test_expected_best_agrees_with_all_draws(trials):
    best = expected_best(np.array(trials))
    least = expected_best(np.array(trials), higher_is_better=False)
    for k in range(1, len(trials) + 1):
        draws = list(itertools.product(trials, repeat=k))
        assert best[k - 1] == pytest.approx(np.mean([max(draw) for draw in draws]))
        assert least[k - 1] == pytest.approx(np.mean([min(draw) for draw in draws]))


def test_area_under_sensitivity_by_hand():
    # From 0.5 to 1 over one decade and from 1 to 0 over the next: (0.75 + 0.5) / 2.
    rates, scores = np.array([0.1, 0.001, 0.01]), np.array([0.0, 0.5, 1.0])
    assert area_under_sensitivity(rates, scores) == pytest.approx(0.625)
    assert area_under_sensitivity(rates, np.full(3, 0.4)) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: interquartile_mean({}),
        lambda: interquartile_mean({"a": np.array([])}),
        lambda: performance_profile({}, np.array([0.5])),
        lambda: expected_best(np.array([])),
        lambda: area_under_sensitivity(np.array([0.1]), np.array([1.0])),
    ],
)
def test_nothing_to_sum_up_is_refused(call):
    with pytest.raises(ValueError, match=r"at least (one|two)"):
        call()
