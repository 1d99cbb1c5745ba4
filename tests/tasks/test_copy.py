"""Copy memory: its sequences as defined, and its scores at known outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.tasks.copy import CopyTask

BLANK, DELIMITER = 8, 9
KEY = jax.random.key(5)


def batch_of(task, key=KEY):
    batch = task.batch(key)
    symbols = np.array(batch.inputs).argmax(-1)
    np.testing.assert_array_equal(batch.inputs, np.eye(10)[symbols])  # one-hot
    return batch, symbols


def logits(task, symbols):
    """Outputs that are certain of the symbols."""
    return jnp.where(jax.nn.one_hot(symbols, task.output_size) == 1, 50.0, -50.0)


@jax.jit
def scores_of(task, outputs, batch):
    return task.scores(task.tally(outputs, batch))


@pytest.mark.parametrize("lag", [1, 2, 10, 100])
def test_sequences_are_symbols_blanks_a_delimiter_and_the_recall(lag):
    task = CopyTask(lag=lag, batch_size=64)
    batch, symbols = batch_of(task)
    targets = np.array(batch.targets)
    assert symbols.shape == targets.shape == (lag + 20, 64)
    assert task.sequence_length == lag + 20
    np.testing.assert_array_equal(batch.lengths, lag + 20)
    np.testing.assert_array_equal(batch.weights, 1)
    assert set(symbols[:10].flat) == set(range(8))
    delimiter = 10 + lag - 1
    np.testing.assert_array_equal(symbols[10:delimiter], BLANK)
    np.testing.assert_array_equal(symbols[delimiter], DELIMITER)
    np.testing.assert_array_equal(symbols[delimiter + 1 :], BLANK)
    assert len(symbols[delimiter + 1 :]) == 10
    np.testing.assert_array_equal(targets[: delimiter + 1], BLANK)
    np.testing.assert_array_equal(targets[delimiter + 1 :], symbols[:10])


def test_symbols_are_uniform_and_independent():
    _, symbols = batch_of(CopyTask(lag=1, batch_size=8000))
    counts = np.stack([np.bincount(row, minlength=8) for row in symbols[:10]])
    np.testing.assert_allclose(counts, 1000, atol=5 * 1000**0.5)
    pairs = np.bincount(symbols[0] * 8 + symbols[1], minlength=64)
    np.testing.assert_allclose(pairs, 125, atol=5 * 125**0.5)


@pytest.mark.parametrize(
    ("lag", "loss"), [(100, 0.17329), (500, 0.03999), (1000, 0.02039), (10, 0.69315)]
)
def test_the_memoryless_loss_is_reached_by_what_knows_only_the_time(lag, loss):
    task = CopyTask(lag=lag, batch_size=16)
    assert round(task.memoryless_loss, 5) == loss
    batch, _ = batch_of(task)
    outputs = logits(task, jnp.full((lag + 20, 16), BLANK))
    even = jnp.full((10, 16, 9), 0.0).at[..., BLANK].set(-50.0)
    scores = scores_of(task, outputs.at[-10:].set(even), batch)
    np.testing.assert_allclose(scores["loss"], loss, atol=6e-6)


def test_output_of_blanks_alone_recalls_nothing():
    task = CopyTask(lag=1000, batch_size=16)
    batch, _ = batch_of(task)
    outputs = logits(task, jnp.full((1020, 16), BLANK))
    right = np.array(outputs).argmax(-1) == np.array(batch.targets)
    np.testing.assert_allclose(right.mean(), 1010 / 1020)  # 99% of all steps, and yet:
    assert scores_of(task, outputs, batch)["recall_accuracy"] == 0


def test_one_symbol_for_all_scores_at_chance():
    task = CopyTask(lag=3, batch_size=2000)
    batch, _ = batch_of(task)
    scores = scores_of(task, logits(task, jnp.full((23, 2000), 4)), batch)
    np.testing.assert_allclose(scores["recall_accuracy"], task.score.baseline, atol=0.01)
    assert task.score.baseline == 1 / 8


def test_a_perfect_memory_scores_one():
    task = CopyTask(lag=7, batch_size=16)
    batch, symbols = batch_of(task)
    answer = np.full(symbols.shape, BLANK)
    answer[-10:] = symbols[:10]
    scores = scores_of(task, logits(task, answer), batch)
    assert scores == {"loss": 0.0, "recall_accuracy": 1.0}
    assert task.solved(scores)
    answer[-1, :2] = (symbols[9, :2] + 1) % 8  # two of 160 symbols wrong
    scores = scores_of(task, logits(task, answer), batch)
    np.testing.assert_allclose(scores["recall_accuracy"], 158 / 160, rtol=1e-6)
    assert not task.solved(scores)


def test_order_matters():
    task = CopyTask(lag=2, batch_size=500)
    batch, symbols = batch_of(task)
    answer = np.full(symbols.shape, BLANK)
    answer[-10:] = symbols[9::-1]
    assert scores_of(task, logits(task, answer), batch)["recall_accuracy"] < 0.2


def test_tallies_add_up_over_batches_and_weights_leave_out_fillers():
    task = CopyTask(lag=2, batch_size=6)
    outputs = jax.random.normal(jax.random.key(1), (22, 6, 9))
    batch, _ = batch_of(task)
    tally = jax.jit(CopyTask.tally)
    whole = tally(task, outputs, batch)
    halves = [
        tally(task, outputs, batch._replace(weights=jnp.array(weights, jnp.float32)))
        for weights in ([1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1])
    ]
    for name, total in whole.items():
        np.testing.assert_allclose(halves[0][name] + halves[1][name], total, rtol=1e-6)
    assert [float(half["count"]) for half in halves] == [2, 4]
    log_p = np.array(outputs - jax.nn.logsumexp(outputs, axis=-1, keepdims=True))
    expected = -np.take_along_axis(log_p, np.array(batch.targets)[..., None], -1).mean()
    np.testing.assert_allclose(whole["loss"] / whole["count"], expected, rtol=1e-5)
