"""Cells made by hand that solve a task exactly, and what a predictor scores on one."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from gru_bench.cells.base import Cell
from gru_bench.cells.builtin import CELLS
from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import Model, ModelConfig
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import evaluate_splits

KEY = jax.random.key(0)


class Register(Cell):
    """A cell that sees its input as it is: unit j reads feature j, and nothing is recurrent."""

    products = (1,)
    state_arrays = 2  # what is put out, one-hot, and what is held: numbers from 1, or 0 for none

    def __init__(self, input_size, hidden_size, *, rngs):
        super().__init__(input_size, hidden_size, rngs=rngs)
        self.weight_ih[...] = jnp.eye(input_size, hidden_size)
        self.weights_hh[0][...] = jnp.zeros((hidden_size, hidden_size))

    @staticmethod
    def gates(state, x, dot):
        return {"x": x + dot(0, state[0])}


class Stack(Register):
    """The open brackets of two kinds, innermost first; it puts out the innermost."""

    @staticmethod
    def next_state(state, gates):
        stack, kinds = state[1], gates["x"][:, :2] @ jnp.array([1.0, 2.0])
        pushed = jnp.roll(stack, 1, axis=1).at[:, 0].set(kinds)
        popped = jnp.roll(stack, -1, axis=1).at[:, -1].set(0.0)
        stack = jnp.where(kinds[:, None] > 0, pushed, popped)
        return one_hot(stack[:, 0], stack), stack


class Queue(Register):
    """The symbol before, and then the symbols stored, the first one first."""

    @staticmethod
    def next_state(state, gates):
        x, (before, queue) = gates["x"], jnp.split(state[1], [1], axis=1)
        symbol, stores, releases = x[:, :8] @ jnp.arange(1.0, 9.0), x[:, 8], x[:, 9]
        end = one_hot((queue > 0).sum(1) + 1.0, queue)
        left = jnp.where(releases[:, None] > 0, jnp.roll(queue, -1, axis=1).at[:, -1].set(0), queue)
        echo = jnp.where(before[:, 0] > 0, before[:, 0], symbol)
        answer = jnp.where(releases > 0, queue[:, 0], echo)
        held = left + (stores * symbol)[:, None] * end
        return one_hot(answer, state[0]), jnp.concatenate([symbol[:, None], held], axis=1)


def one_hot(numbers, like):
    """Numbers from 1 on, one-hot over as many units as the state has."""
    return jax.nn.one_hot(numbers.astype(int) - 1, like.shape[1])


def scores_of_cell(cell, task, hidden_size, head):
    """Scores by split of a model of a cell made by hand; `head` is its kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CELLS, "oracle", cell)
        sizes = (task.input_size, task.output_size, hidden_size)
        config = ModelConfig("oracle", *sizes, readout=task.readout)
        model = Model(config, rngs=nnx.Rngs(0))
        model.head.kernel[...] = head
        train = TrainConfig(config, OptimConfig(), 1, 1)
        score = jax.jit(lambda params: evaluate_splits(train, params, task, KEY)[0])
        return score(nnx.state(model))


def scores_of(task, split, predict):
    """Scores of a predictor from batches to logits."""
    items = task.evaluation(KEY, split)

    @jax.jit
    def tally(item):
        batch = task.batch(item)
        return task.tally(predict(batch), batch)

    batches = len(jax.tree.leaves(items)[0])
    tallies = [tally(jax.tree.map(lambda leaf, i=i: leaf[i], items)) for i in range(batches)]
    scores = task.scores(jax.tree.map(lambda *parts: sum(parts), *tallies))
    return {name: float(value) for name, value in scores.items()}
