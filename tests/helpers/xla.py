"""What XLA says of a compiled program."""

import jax
import jax.numpy as jnp

from gru_bench.recurrence.plain import plain_dot
from helpers.reference import random_cell


def xla_operations(name, input_size, hidden_size):
    """Operations of one step of one sequence, as XLA counts them before it fuses and repeats any.

    It counts a sigmoid as 1 / (1 + exp(-x)), which is four.
    """

    def step(cell, state, x):
        return cell.step(state, cell.project(x), plain_dot(cell, x.dtype))

    cell = random_cell(name, input_size, hidden_size)
    state = cell.zero_state(1, jnp.float32)
    count = jax.jit(step).lower(cell, state, jnp.ones((1, input_size))).cost_analysis()
    return count["flops"] + count["transcendentals"]
