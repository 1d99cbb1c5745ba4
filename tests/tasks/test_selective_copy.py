"""Selective copying: against symbols that are picked out in plain Python."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.oracles import Register, one_hot, scores_of_cell

from gru_bench.config.tasks.selective_copy import SYMBOLS, SelectiveCopyConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.selective_copy import BLANK, MARKER, SelectiveCopyTask, make_task

KEY = jax.random.key(1)


def test_the_symbols_are_recalled_in_their_order():
    task = make_task(SelectiveCopyConfig(length=12, copied=4), 300)
    batch = jax.jit(SelectiveCopyTask.batch)(task, KEY)
    np.testing.assert_array_equal(batch.inputs.sum(-1), 1)
    read = np.array(batch.inputs.argmax(-1)).T
    assert (read[:, 12:] == MARKER).all()
    strewn = [[symbol for symbol in row if symbol != BLANK] for row in read[:, :12].tolist()]
    assert batch.targets[12:].T.tolist() == strewn
    assert {symbol for row in strewn for symbol in row} == set(range(SYMBOLS))
    assert (read[:, :12] != BLANK).any(0).all()  # They may stand anywhere.


def test_only_the_steps_of_recall_are_judged():
    task = make_task(SelectiveCopyConfig(length=6, copied=2), 3)
    batch = task.batch(KEY)
    logits = 3.0 * jax.nn.one_hot(batch.targets, SYMBOLS).at[:6].set(0)
    tally = task.tally(logits.at[:6].set(jax.random.normal(KEY, (6, 3, SYMBOLS))), batch)
    expected = np.log(np.exp(3) + SYMBOLS - 1) - 3
    scores = task.scores(tally)
    assert scores["loss"] == pytest.approx(expected, rel=1e-6)
    assert scores["recall_accuracy"] == 1


class Strewn(Register):
    """The symbols that were read and not yet put out, the first one first."""

    @staticmethod
    def next_state(state, gates):
        x, queue = gates["x"], state[1]
        symbol, marked = x[:, :SYMBOLS] @ jnp.arange(1.0, SYMBOLS + 1), x[:, MARKER]
        answer = marked * queue[:, 0]
        left = jnp.where(marked[:, None] > 0, jnp.roll(queue, -1, axis=1).at[:, -1].set(0), queue)
        end = one_hot((queue > 0).sum(1) + 1.0, queue)
        return one_hot(answer, state[0]), left + symbol[:, None] * end


def test_a_cell_that_is_a_queue_solves_it():
    task = make_task(SelectiveCopyConfig(length=60, copied=10), 50)
    scores = scores_of_cell(Strewn, task, 20, 10.0 * jnp.eye(20, SYMBOLS))
    assert [scores[split]["recall_accuracy"] for split in scores] == [1] * len(scores)
    assert bool(task.solved(scores["test"]))


def test_no_more_symbols_are_recalled_than_there_are_steps():
    with pytest.raises(UserError, match=r"task.copied=5 is not possible: .* at most task\.length"):
        SelectiveCopyConfig(length=4, copied=5)
