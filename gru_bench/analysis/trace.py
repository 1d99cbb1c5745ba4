"""A cell step by step: every state and every gate of a sequence."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Cell, Gates, State
from gru_bench.model.model import Model
from gru_bench.recurrence.plain import plain_dot

States = tuple[Float[Array, "time batch hidden"], ...]  # the state after each step


def trace(cell: Cell, x: Float[Array, "time batch input"], nudges: States) -> tuple[States, Gates]:
    """Runs a cell over a sequence from a state of zeros.

    Args:
        cell: The cell.
        x: What the layer reads.
        nudges: Arrays to add to the state after each step, `[time, batch, hidden]` each.

    Returns:
        The states after each step, nudges included, and the gates; both have time first.
    """
    dot = plain_dot(cell, x.dtype)

    def body(state: State, step: tuple[Array, State]) -> tuple[State, tuple[State, Gates]]:
        x_t, nudge = step
        gates = cell.gates(state, x_t, dot)
        state = jax.tree.map(jnp.add, cell.next_state(state, gates), nudge)
        return state, (state, gates)

    start = cell.zero_state(x.shape[1], x.dtype)
    return jax.lax.scan(body, start, (cell.project(x), nudges))[1]


def no_nudges(model: Model, steps: int, batch_size: int) -> list[States]:
    """Returns zeros to add to the states of each layer after each step."""
    shape = (steps, batch_size, model.config.hidden_size)
    zeros = jnp.zeros(shape, model.config.dtype)
    return [(zeros,) * cell.state_arrays for cell in model.one_way_cells()]


def weighted_mean(
    values: Array, weights: Float[Array, "..."], axis: int | tuple[int, ...]
) -> Float[Array, "..."]:
    """Returns the weighted mean; NaN where all weights are zero."""
    total: Array = jnp.where(weights > 0, values * weights, 0).sum(axis)
    return total / weights.sum(axis)
