"""A layer step by step: every state and every gate of a sequence."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gru_bench.cells.base import Gates, State
from gru_bench.model.attention import Attention
from gru_bench.model.attention_counts import attention_width
from gru_bench.model.layers import OneWay
from gru_bench.model.model import Model
from gru_bench.recurrence.plain import plain_dot

States = tuple[Float[Array, "time batch hidden"], ...]  # the state after each step
Nudges = tuple[Float[Array, "time batch width"], ...]  # what is added to it


def trace(
    layer: OneWay,
    x: Float[Array, "time batch input"],
    nudges: Nudges,
    direct: bool | Bool[Array, ""] = False,
) -> tuple[States, Gates]:
    """Runs a layer over a sequence from a state of zeros.

    Args:
        layer: The layer.
        x: What it reads.
        nudges: Arrays to add to the state after each step, `[time, batch, hidden]` each; of
            attention to the keys and the values of each step.
        direct: Whether gates and candidate count as constants in derivatives, which then go
            through what is kept of the state alone. Of attention it changes nothing.

    Returns:
        The states after each step, nudges included, and the gates; both have time first. The first
        of the states is the output; of attention there are no others, and no gates.
    """
    if isinstance(layer, Attention):
        keys, values = nudges
        return (layer(x, (keys, values)),), {}
    cell = layer
    dot = plain_dot(cell, x.dtype)

    def body(state: State, step: tuple[Array, State]) -> tuple[State, tuple[State, Gates]]:
        x_t, nudge = step
        gates = {
            name: jnp.where(direct, jax.lax.stop_gradient(gate), gate)
            for name, gate in cell.gates(state, x_t, dot).items()
        }
        state = jax.tree.map(jnp.add, cell.next_state(state, gates), nudge)
        return state, (state, gates)

    start = cell.zero_state(x.shape[1], x.dtype)
    return jax.lax.scan(body, start, (cell.project(x), nudges))[1]


def no_nudges(model: Model, steps: int, batch_size: int) -> list[Nudges]:
    """Returns the zeros for `trace` to add to the states of each layer."""
    units = model.config.hidden_size

    def zeros(layer: OneWay) -> Nudges:
        width, arrays = (
            (attention_width(units), 2)
            if isinstance(layer, Attention)
            else (units, layer.state_arrays)
        )
        return (jnp.zeros((steps, batch_size, width), model.config.dtype),) * arrays

    return [zeros(layer) for layer in model.one_way_layers()]


def weighted_mean(
    values: Array, weights: Float[Array, "..."], axis: int | tuple[int, ...]
) -> Float[Array, "..."]:
    """Returns the weighted mean; NaN where all weights are zero."""
    total: Array = jnp.where(weights > 0, values * weights, 0).sum(axis)
    return total / weights.sum(axis)
