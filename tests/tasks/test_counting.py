"""The counting task: its strings, what an oracle and a stubborn model score, and a counter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.reference import BLOCKS

from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import Model, ModelConfig
from gru_bench.tasks.counting import END, NEXT_A, NEXT_B, START, A, B, CountingTask
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import evaluate

TASK = CountingTask(max_n=5, test_max_n=23, batch_size=4)
KEY = jax.random.key(0)
RANGES = {"train": range(1, 6), "validation": range(1, 11), "test": range(11, 24)}


def items(task, split):
    """The items of a split, one by one."""
    whole = task.evaluation(KEY, split)
    return [jax.tree.map(lambda leaf, i=i: leaf[i], whole) for i in range(len(whole[0]))]


def scores_of(task, split, predict):
    """Scores of a predictor from batches to logits."""
    tallies = []
    for item in items(task, split):
        batch = task.batch(item)
        tallies.append(task.tally(predict(batch), batch))
    scores = task.scores(jax.tree.map(lambda *counts: sum(counts), *tallies))
    assert bool(task.solved(scores)) == (scores["acceptance"] == 1)
    return {name: float(value) for name, value in scores.items()}


def certain(symbols):
    """Logits of a prediction without doubt."""
    return 100.0 * jax.nn.one_hot(symbols, 3)


# Strings


def test_a_string_and_what_comes_next():
    batch = TASK.batch((jnp.array([1, 3]), jnp.ones(2), jnp.arange(11)))
    assert batch.lengths.tolist() == [3, 7]
    read, following = batch.inputs.argmax(-1), batch.targets
    assert batch.inputs.sum() == 22
    assert read[:3, 0].tolist() == [START, A, B]
    assert following[:3, 0].tolist() == [NEXT_A, NEXT_B, END]
    assert read[:7, 1].tolist() == [START, A, A, A, B, B, B]
    assert following[:7, 1].tolist() == [NEXT_A, NEXT_A, NEXT_A, NEXT_B, NEXT_B, NEXT_B, END]


def test_training_strings_have_every_n_equally_often():
    n, weights, steps = TASK.schedule(KEY, jnp.int32(0), 500)
    assert weights.shape == n.shape == (500, 4)
    assert (weights == 1).all()
    assert steps.shape == (500, TASK.sequence_length) == (500, 11)
    values, counts = np.unique(n, return_counts=True)
    assert values.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(counts / 2000, 0.2, atol=4 * (0.16 / 2000) ** 0.5)


def test_the_schedule_does_not_depend_on_how_the_steps_are_cut():
    whole = TASK.schedule(KEY, jnp.int32(0), 12)
    cut = [TASK.schedule(KEY, jnp.int32(first), steps) for first, steps in ((0, 5), (5, 7))]
    for found, expected in zip(
        jax.tree.map(lambda *p: np.concatenate(p), *cut), whole, strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    other = TASK.schedule(jax.random.key(1), jnp.int32(0), 12)
    assert (other[0] != whole[0]).any()


@pytest.mark.parametrize("split", RANGES)
@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_each_n_of_a_split_counts_once(split, batch_size):
    task = CountingTask(max_n=5, test_max_n=23, batch_size=batch_size)
    counted = []
    for item in items(task, split):
        batch = task.batch(item)
        assert batch.inputs.shape == (2 * RANGES[split][-1] + 1, batch_size, 3)
        assert (batch.lengths <= len(batch.inputs)).all()
        counted += (np.array(batch.lengths)[np.array(batch.weights) == 1] // 2).tolist()
    assert counted == list(RANGES[split])


# Scores


@pytest.mark.parametrize("split", RANGES)
def test_an_oracle_is_perfect(split):
    scores = scores_of(TASK, split, lambda batch: certain(batch.targets))
    assert scores == {"loss": 0.0, "acceptance": 1.0, "counts_to": RANGES[split][-1]}


def test_always_b_is_right_everywhere_but_at_the_ends():
    def always_b(batch):
        return certain(jnp.full(batch.targets.shape, NEXT_B))

    scores = scores_of(TASK, "validation", always_b)
    assert scores["acceptance"] == scores["counts_to"] == 0
    # Of the 2n + 1 steps of a string, n are followed by an a and one by the end: each costs 100.
    wrong, steps = sum(n + 1 for n in range(1, 11)), sum(2 * n + 1 for n in range(1, 11))
    np.testing.assert_allclose(scores["loss"], 100 * wrong / steps, rtol=1e-6)


def test_where_the_next_symbol_is_not_determined_no_prediction_is_wrong():
    def oracle_from_the_first_b(batch):
        reads_b = batch.inputs.argmax(-1) == B
        return certain(jnp.where(reads_b, batch.targets, END))

    scores = scores_of(TASK, "test", oracle_from_the_first_b)
    assert scores["acceptance"] == 1
    assert scores["counts_to"] == 23


@pytest.mark.parametrize("late", [True, False])
def test_an_end_too_late_or_too_early_is_not_accepted(late):
    """One b more than a's; or an end after every b."""

    def predict(batch):
        ends_late = jnp.where(batch.targets == END, NEXT_B, batch.targets)
        ends_early = jnp.where(batch.targets == NEXT_B, END, batch.targets)
        return certain(ends_late if late else ends_early)

    scores = scores_of(TASK, "validation", predict)
    # After its only b a string of n = 1 does end.
    np.testing.assert_allclose(scores["acceptance"], 0 if late else 1 / 10, rtol=1e-6)


@pytest.mark.parametrize(
    ("split", "acceptance", "counts_to"),
    [("train", 4 / 5, 2), ("validation", 6 / 10, 2), ("test", 1 / 13, 2)],
)
def test_strings_are_accepted_one_by_one(split, acceptance, counts_to):
    """A model that knows 1, 2, 4, 5, 8, 9 and 20."""
    known = jnp.array([1, 2, 4, 5, 8, 9, 20])

    def predict(batch):
        symbols = jnp.where(jnp.isin(batch.lengths // 2, known), batch.targets, NEXT_B)
        return certain(symbols)

    scores = scores_of(TASK, split, predict)
    np.testing.assert_allclose(scores["acceptance"], acceptance, rtol=1e-6)
    assert scores["counts_to"] == counts_to


def test_the_least_loss_is_that_of_a_model_that_knows_all_but_n():
    """It says b after k of at most five a's with the probability 1 / (6 - k)."""

    def predict(batch):
        read = jnp.arange(len(batch.inputs))[:, None]  # a's so far, while there are only a's
        ends = 1 / jnp.maximum(6 - read, 1)
        p = jnp.stack([1 - ends, ends, jnp.zeros_like(ends)], axis=-1)
        unknown = (batch.inputs.argmax(-1) == A)[..., None]
        return jnp.where(unknown, jnp.log(jnp.maximum(p, 1e-30)), certain(batch.targets))

    scores = scores_of(TASK, "train", predict)
    np.testing.assert_allclose(scores["loss"], TASK.least_loss, rtol=1e-6)


def test_padding_and_strings_of_weight_zero_change_neither_loss_nor_acceptance():
    n = jnp.array([2, 5, 4])
    batch = TASK.batch((n, jnp.array([1.0, 1.0, 0.0]), jnp.arange(11)))
    outputs = jax.random.normal(KEY, (11, 3, 3))
    other = jnp.where(jnp.arange(11)[:, None, None] >= batch.lengths[None, :, None], 7.0, outputs)
    other = other.at[:, 2].set(-3.0)
    names = ("count", "loss", "strings", "accepted")
    found, expected = TASK.tally(other, batch), TASK.tally(outputs, batch)
    for name in names:
        assert found[name] == expected[name]
    assert found["count"] == 5 + 11
    assert found["strings"] == 2


# A counter


def counter():
    """An LSTM of one unit whose memory is the number of a's less that of the b's.

    It adds g = 1 at an a and -1 at a b, with all gates open; the head says the end where
    tanh(c) is nearer to 0 than to tanh(1), and b above.
    """
    model = Model(ModelConfig("lstm", 3, 3, 1, readout="every"), rngs=nnx.Rngs(0))
    model = jax.tree.map(jnp.zeros_like, model)
    cell = model.layers[0]
    for gate in "ifo":
        cell.set_bias(BLOCKS["lstm"].index(gate), 100.0)
    block = BLOCKS["lstm"].index("g")
    cell.weight_ih[...] = cell.weight_ih[...].at[[A, B], block].set(jnp.array([100.0, -100.0]))
    model.head.kernel[...] = jnp.array([[0.0, 10.0, 0.0]])
    model.head.bias[...] = jnp.array([-100.0, 0.0, 10 * np.tanh(1) / 2])
    return model


def test_a_counter_accepts_strings_of_any_length():
    """What the task asks for can be done, and exactly, by storing and output kept apart."""
    task = CountingTask(max_n=5, test_max_n=300, batch_size=50)
    model = counter()
    config = TrainConfig(model.config, OptimConfig(), 1, 1)
    for split in ("train", "validation", "test"):
        score = jax.jit(lambda params, split=split: evaluate(config, params, task, KEY, split))
        scores = score(nnx.state(model))
        assert scores["acceptance"] == 1
    assert scores["counts_to"] == 300
