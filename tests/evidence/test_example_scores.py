"""What examples contribute to a score, against scores made anew from resampled examples."""

import numpy as np
import pytest

from gru_bench.evidence.crossed import crossed_mean
from gru_bench.evidence.example_scores import example_scores
from gru_bench.runs.predictions import Predictions

CLASSES = 4
SHARES = [0.6, 0.25, 0.1, 0.05]


def macro_f1(given, actual):
    f1 = []
    for each in np.union1d(given, actual):
        right = np.sum((given == each) & (actual == each))
        f1.append(2 * right / (np.sum(given == each) + np.sum(actual == each)))
    return np.mean(f1)


def balanced_accuracy(given, actual):
    return np.mean([np.mean(given[actual == each] == each) for each in np.unique(actual)])


def accuracy(given, actual):
    return np.mean(given == actual)


SCORES = {f.__name__: f for f in (accuracy, macro_f1, balanced_accuracy)}


def guesses(rng, actual, seeds, skill):
    """What seeds make of examples of which some are harder than others."""
    hard = rng.random(len(actual)) > skill
    noise = rng.random((seeds, len(actual))) < np.where(hard, 0.6, 0.05)
    return np.where(noise, rng.integers(CLASSES, size=noise.shape), actual)


def made_up(examples=400, seeds=3, skill=0.7, seed=0):
    rng = np.random.default_rng(seed)
    actual = rng.choice(CLASSES, size=examples, p=SHARES)
    given = guesses(rng, actual, seeds, skill).astype(np.uint8)
    return Predictions(seeds=np.arange(seeds), given=given, actual=actual.astype(np.uint8))


@pytest.mark.parametrize("name", SCORES)
def test_their_mean_is_the_score(name):
    predictions = made_up()
    values = example_scores(predictions, [2, 0], name)
    expected = [SCORES[name](predictions.given[seed], predictions.actual) for seed in (2, 0)]
    np.testing.assert_allclose(values.mean(axis=1), expected, rtol=1e-12)
    assert example_scores(predictions, [0, 9], name) is None


@pytest.mark.parametrize("name", SCORES)
def test_their_spread_is_that_of_the_score_of_other_examples(name):
    rng = np.random.default_rng(1)
    predictions = made_up(examples=1000)
    values = example_scores(predictions, [0], name)[0]
    drawn = rng.integers(1000, size=(1500, 1000))
    given, actual = predictions.given[0], predictions.actual
    resampled = np.array([SCORES[name](given[rows], actual[rows]) for rows in drawn])
    assert values.std(ddof=1) / np.sqrt(1000) == pytest.approx(resampled.std(), rel=0.08)


def test_errors_are_what_they_are():
    errors = Predictions(seeds=np.arange(1), given=np.array([[0.5, 2.0]]), actual=None)
    np.testing.assert_array_equal(example_scores(errors, [0], "mse"), [[0.5, 2.0]])


@pytest.mark.parametrize("name", ["macro_f1", "balanced_accuracy"])
def test_an_interval_over_seeds_and_examples_covers_the_score_of_a_large_test_split(name):
    truth = crossed_mean(example_scores(made_up(60_000, 3, seed=99), range(3), name)).estimate
    covered = 0
    for seed in range(200):
        values = example_scores(made_up(300, 6, seed=seed), range(6), name)
        interval = crossed_mean(values).interval()
        covered += interval.low <= truth <= interval.high
    assert 0.90 <= covered / 200 <= 0.99
