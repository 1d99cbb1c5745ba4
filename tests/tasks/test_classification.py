"""Scores, baselines and weights of classes against independent computations in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.config.score import CLASSIFICATION_SCORES
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import Batch
from gru_bench.tasks.classification import (
    Classification,
    make_classification,
    scored_against_commonest,
    weights_of,
)

RNG = np.random.default_rng(0)


def make_task(classes, **options) -> Classification:
    sequences = [np.zeros((1, 1))] * len(classes)
    return make_classification(
        {"train": (sequences, classes), "validation": (sequences, classes),
         "test": (sequences, classes)}, batch_size=1, **options)  # fmt: skip


def batch_of(targets) -> Batch:
    n = len(targets)
    return Batch(jnp.zeros((1, n, 1)), jnp.array(targets), jnp.ones(n, jnp.int32), jnp.ones(n))


def confusion(actual, predicted, classes):
    matrix = np.zeros((classes, classes))
    for row, column in zip(actual, predicted, strict=True):
        matrix[row, column] += 1
    return matrix


def reference_scores(actual, predicted, classes) -> dict[str, float]:
    """What scikit-learn's functions of these names give: precision and recall class by class."""
    matrix = confusion(actual, predicted, classes)
    f1, recalls = [], []
    for i in range(classes):
        found, claimed, there = matrix[i, i], matrix[:, i].sum(), matrix[i].sum()
        if claimed + there > 0:
            precision = found / claimed if claimed else 0.0
            recall = found / there if there else 0.0
            both = precision + recall
            f1.append(2 * precision * recall / both if both else 0.0)
        if there > 0:
            recalls.append(found / there)
    return {
        "accuracy": np.trace(matrix) / matrix.sum(),
        "macro_f1": np.mean(f1),
        "balanced_accuracy": np.mean(recalls),
    }


@pytest.mark.parametrize("classes", [2, 5, 30])
def test_scores_are_those_of_precision_and_recall_class_by_class(classes):
    shares = RNG.dirichlet(np.full(classes, 0.5))
    actual = RNG.choice(classes, size=60, p=shares)
    predicted = np.where(RNG.random(60) < 0.6, actual, RNG.integers(classes, size=60))
    task = make_task([*range(classes)])
    outputs = jax.nn.one_hot(jnp.array(predicted), classes)
    scores = task.scores(task.tally(outputs, batch_of(actual)))
    for name, value in reference_scores(actual, predicted, classes).items():
        assert float(scores[name]) == pytest.approx(value, rel=1e-6), name


@pytest.mark.parametrize("score", CLASSIFICATION_SCORES)
@pytest.mark.parametrize(
    ("train", "test"), [([0, 1, 1, 2], [0, 1, 1, 1, 2, 2]), ([0, 0, 1], [1, 1, 2]), ([0], [0])]
)
def test_the_baseline_is_what_the_commonest_class_scores(score, train, test):
    found = scored_against_commonest(score, np.array(train), np.array(test))
    constant = [np.bincount(train).argmax()] * len(test)
    assert found.name == score
    assert found.baseline == pytest.approx(reference_scores(test, constant, 3)[score])


def test_balanced_weights_give_every_class_the_same_part():
    train = np.array([0] * 90 + [1] * 9 + [3])
    weights = np.asarray(weights_of("balanced", train, 4))
    # n / (number of classes * n of the class); class 2 does not occur in training.
    np.testing.assert_allclose(weights, [100 / (3 * 90), 100 / (3 * 9), 0, 100 / 3], rtol=1e-6)
    parts = np.bincount(train, weights[train])
    np.testing.assert_allclose(parts[[0, 1, 3]], 100 / 3, rtol=1e-6)
    assert weights_of(None, train, 4) is None


def test_the_loss_and_its_gradient_weigh_each_class():
    task = make_task([0, 0, 0, 1], class_weights="balanced")
    plain = make_task([0, 0, 0, 1])
    outputs = jnp.array(RNG.normal(size=(3, 2)), jnp.float32)
    actual = np.array([0, 1, 1])
    logits = np.asarray(outputs, float)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    weights = np.array([4 / (2 * 3), 4 / 2])[actual]

    def loss(outputs, task):
        tally = task.tally(outputs, batch_of(actual))
        return tally["loss"] / tally["count"]

    value, gradient = jax.value_and_grad(loss)(outputs, task)
    assert value == pytest.approx(np.mean(-weights * np.log(shares[range(3), actual])), rel=1e-5)
    expected = weights[:, None] * (shares - np.eye(2)[actual]) / 3
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)
    # What is right or wrong is counted as without weights.
    weighted, unweighted = (each.tally(outputs, batch_of(actual)) for each in (task, plain))
    for name in ("count", "correct", "actual", "predicted"):
        np.testing.assert_array_equal(weighted[name], unweighted[name])


def test_a_score_that_there_is_not_is_refused():
    with pytest.raises(UserError, match=r"score=f1 is not possible.*macro_f1"):
        make_task([0, 1], score="f1")
