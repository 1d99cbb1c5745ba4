"""Adding problem: its sequences as defined, its scores at known outputs, its draws."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import SPLITS
from gru_bench.tasks.copy import CopyTask

KEY = jax.random.key(6)


@jax.jit
def scores_of(task, outputs, batch):
    return task.scores(task.tally(outputs, batch))


@pytest.mark.parametrize("length", [2, 3, 10, 101])
def test_one_number_is_marked_in_each_half_and_their_sum_is_the_target(length):
    task = AddingTask(length=length, batch_size=3000)
    batch = task.batch(KEY)
    assert batch.inputs.shape == (length, 3000, 2)
    values, markers = np.moveaxis(np.array(batch.inputs), -1, 0)
    assert set(markers.flat) <= {0.0, 1.0}
    half = length // 2
    np.testing.assert_array_equal(markers[:half].sum(0), 1)
    np.testing.assert_array_equal(markers[half:].sum(0), 1)
    first, second = markers[:half].argmax(0), half + markers[half:].argmax(0)
    sums = values[first, np.arange(3000)] + values[second, np.arange(3000)]
    np.testing.assert_allclose(batch.targets, sums, rtol=1e-6)
    np.testing.assert_array_equal(batch.lengths, length)
    np.testing.assert_array_equal(batch.weights, 1)
    assert values.min() >= 0
    assert values.max() < 1


def test_values_and_markers_are_uniform_and_independent():
    length, size = 10, 20_000
    values, markers = np.moveaxis(
        np.array(AddingTask(length=length, batch_size=size).batch(KEY).inputs), -1, 0
    )
    deviation = 5 / (12 * size) ** 0.5
    np.testing.assert_allclose(values.mean(1), 0.5, atol=deviation)
    np.testing.assert_allclose(values.var(1), 1 / 12, atol=deviation)
    np.testing.assert_allclose(markers.mean(1), 0.2, atol=5 * (0.16 / size) ** 0.5)
    first, second = markers[:5].argmax(0), markers[5:].argmax(0)
    pairs = np.bincount(first * 5 + second, minlength=25)
    np.testing.assert_allclose(pairs, size / 25, atol=5 * (size / 25) ** 0.5)
    assert abs(np.corrcoef(values[markers == 1], np.nonzero(markers)[0])[0, 1]) < 0.03


def test_always_predicting_one_scores_one_sixth():
    size = 100_000
    task = AddingTask(length=4, batch_size=size)
    scores = scores_of(task, jnp.ones((size, 1)), task.batch(KEY))
    # (U + U' - 1)^2 has mean 1/6 and variance 1/15 - 1/36.
    error = 4 * ((1 / 15 - 1 / 36) / size) ** 0.5
    np.testing.assert_allclose(scores["mse"], 1 / 6, atol=error)
    assert task.score.baseline == 1 / 6
    assert abs(scores["mse"] - 0.1767) > 3 * error  # a figure often printed
    # P(|U + U' - 1| < d) = 1 - (1 - d)^2
    np.testing.assert_allclose(scores["within_0.04"], 1 - 0.96**2, atol=0.004)
    assert not task.solved(scores)
    for guess in (0.9, 1.1):
        assert scores_of(task, jnp.full((size, 1), guess), task.batch(KEY))["mse"] > scores["mse"]


def test_a_perfect_memory_scores_zero():
    task = AddingTask(length=9, batch_size=40)
    batch = task.batch(KEY)
    values, markers = np.moveaxis(np.array(batch.inputs), -1, 0)
    answer = (values * markers).sum(0)[:, None]
    scores = scores_of(task, jnp.array(answer), batch)
    assert scores == pytest.approx({"loss": 0.0, "mse": 0.0, "within_0.04": 1.0}, abs=1e-12)
    assert task.solved(scores)
    scores = scores_of(task, jnp.array(answer) + 0.05, batch)
    np.testing.assert_allclose(scores["mse"], 0.0025, rtol=1e-4)
    assert scores["within_0.04"] == 0
    assert task.solved(scores)
    assert not task.solved(scores_of(task, jnp.array(answer) + 0.11, batch))


def test_weights_leave_out_fillers():
    task = AddingTask(length=4, batch_size=3)
    batch = task.batch(KEY)._replace(weights=jnp.array([1.0, 0.0, 1.0]))
    errors = jnp.array([[0.3], [100.0], [0.1]])
    scores = scores_of(task, batch.targets[:, None] + errors, batch)
    np.testing.assert_allclose(scores["mse"], (0.09 + 0.01) / 2, rtol=1e-4)


# What the tasks drawn without end have in common


TASKS: dict[str, Any] = {
    "copy": CopyTask(lag=3, batch_size=4),
    "adding": AddingTask(length=6, batch_size=4),
}


@jax.jit
def inputs_of(task, items):
    return jax.vmap(task.batch)(items).inputs


@pytest.mark.parametrize("name", TASKS)
def test_a_step_has_the_same_item_however_the_steps_are_cut(name):
    def items(first, steps):
        return jax.random.key_data(TASKS[name].schedule(KEY, jnp.int32(first), steps))

    whole = items(0, 12)
    for cut in (1, 4):
        parts = [items(first, cut) for first in range(0, 12, cut)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", TASKS)
def test_splits_and_seeds_have_draws_of_their_own_and_repeat_them(name):
    task = TASKS[name]
    batches = {}
    for seed in (0, 1):
        key = jax.random.key(seed)
        items: dict[str, Any] = {split: task.evaluation(key, split) for split in SPLITS}
        items["steps"] = task.schedule(key, jnp.int32(0), 250)
        for purpose, drawn in items.items():
            inputs = np.array(inputs_of(task, drawn))
            batches[seed, purpose] = {batch.tobytes() for batch in inputs}
    for drawn, these in batches.items():
        assert len(these) == 250
        for other, those in batches.items():
            assert drawn == other or not these & those, (drawn, other)
    again = np.array(inputs_of(task, task.evaluation(jax.random.key(0), "test")))
    assert batches[0, "test"] == {batch.tobytes() for batch in again}


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000, 3000])
def test_at_least_a_thousand_sequences_are_evaluated(batch_size):
    items = AddingTask(length=2, batch_size=batch_size).evaluation(KEY, "test")
    assert 1000 <= len(items) * batch_size < 1000 + batch_size or len(items) == 1
