"""Store and release: its sequences followed step by step in plain Python, and its scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.oracles import Queue, scores_of, scores_of_cell

from gru_bench.config.tasks.store_release import StoreReleaseConfig
from gru_bench.tasks.store_release import StoreReleaseTask, make_task

KEY = jax.random.key(7)
TASK = StoreReleaseTask(values=3, distractors=20, batch_size=50)


def followed(symbols, stores, releases):
    """What must be put out at each step of a sequence."""
    stored, before, out = [], symbols[0], []
    for symbol, is_store, is_release in zip(symbols, stores, releases, strict=True):
        assert not (is_store and is_release)
        out.append(stored.pop(0) if is_release else before)
        stored += [symbol] if is_store else []
        before = symbol
    assert stored == []
    return out


@pytest.mark.parametrize(("values", "distractors"), [(1, 2), (3, 20), (2, 7)])
def test_each_sequence_asks_for_what_was_stored_and_else_for_the_symbol_before(values, distractors):
    task = make_task(StoreReleaseConfig(values=values, distractors=distractors), 40)
    batch = jax.jit(type(task).batch)(task, KEY)
    steps = task.sequence_length
    assert steps == distractors + 2 * values
    assert batch.inputs.shape == (steps, 40, 10)
    symbols, (stores, releases) = (
        batch.inputs[..., :8],
        np.array(batch.inputs[..., 8:]).transpose(2, 0, 1),
    )
    np.testing.assert_array_equal(symbols.sum(-1), 1)
    np.testing.assert_array_equal(stores.sum(0), values)
    np.testing.assert_array_equal(releases.sum(0), values)
    assert stores[steps // 2 :].sum() == releases[: steps // 2].sum() == 0
    read = np.array(symbols.argmax(-1))
    for i in range(40):
        assert followed(read[:, i], stores[:, i], releases[:, i]) == batch.targets[:, i].tolist()


def test_symbols_are_uniform_and_cues_fall_on_every_step_equally_often():
    task = StoreReleaseTask(values=3, distractors=6, batch_size=8000)
    batch = jax.jit(type(task).batch)(task, KEY)
    counts = batch.inputs[..., :8].sum(1)
    np.testing.assert_allclose(counts, 1000, atol=5 * 1000**0.5)
    cues = np.concatenate([batch.inputs[:6, :, 8].sum(1), batch.inputs[6:, :, 9].sum(1)])
    np.testing.assert_allclose(cues, 4000, atol=5 * 2000**0.5)


def certain(symbols):
    return 99.0 * jax.nn.one_hot(symbols, 8)


def test_what_is_stored_must_neither_be_lost_nor_leak():
    def oracle(batch):
        return certain(batch.targets)

    def forgets(batch):
        symbols = batch.inputs[..., :8].argmax(-1)
        return certain(jnp.concatenate([symbols[:1], symbols[:-1]]))

    def leaks(batch):
        is_release = batch.inputs[..., 9] == 1
        return certain(jnp.where(is_release, batch.targets, 0))

    perfect = scores_of(TASK, "test", oracle)
    assert perfect == {"loss": 0.0, "release_accuracy": 1.0, "echo_accuracy": 1.0}
    assert TASK.solved({name: jnp.float32(value) for name, value in perfect.items()})
    for predict, released, echoed in ((forgets, 1 / 8, 1), (leaks, 1, 1 / 8)):
        scores = scores_of(TASK, "test", predict)
        assert scores["release_accuracy"] == pytest.approx(released, abs=0.03)
        assert scores["echo_accuracy"] == pytest.approx(echoed, abs=0.03)
        assert not TASK.solved({name: jnp.float32(value) for name, value in scores.items()})


def test_the_chance_level_is_one_of_eight():
    scores = scores_of(TASK, "test", lambda batch: certain(jnp.full(batch.targets.shape, 5)))
    assert TASK.score.baseline == 1 / 8
    assert scores["release_accuracy"] == pytest.approx(1 / 8, abs=0.03)


def test_a_cell_with_a_queue_solves_it_over_any_number_of_distractors():
    head = 10.0 * jnp.eye(12, 8)
    longer = TASK.longer(4)
    assert longer.distractors == 80
    for task in (TASK, longer):
        scores = scores_of_cell(Queue, task, 12, head)
        for split in scores:
            assert scores[split]["release_accuracy"] == scores[split]["echo_accuracy"] == 1


def test_tallies_leave_out_what_has_no_weight():
    batch = jax.jit(StoreReleaseTask.batch)(TASK, KEY)
    outputs = jax.random.normal(KEY, (26, 50, 8))
    tally = jax.jit(StoreReleaseTask.tally)
    parts = [
        tally(TASK, outputs, batch._replace(weights=weights))
        for weights in (jnp.ones(50).at[20:].set(0), jnp.ones(50).at[:20].set(0))
    ]
    whole = tally(TASK, outputs, batch)
    for name in whole:
        np.testing.assert_allclose(parts[0][name] + parts[1][name], whole[name], rtol=1e-5)
