"""A model used in real time: one step of a sequence after another, only the state being kept."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import State
from gru_bench.model.model import Model
from gru_bench.recurrence.plain import plain_dot


class Stream(NamedTuple):
    """All that is kept of a sequence between two steps.

    Attributes:
        states: The state of each layer.
        pooled: For a head that reads the mean of the hidden states, their sum and count so far; for
            one that reads their maximum, that maximum; otherwise nothing.
    """

    states: tuple[State, ...]
    pooled: tuple[Float[Array, "..."], ...]


def start_stream(model: Model, batch_size: int = 1) -> Stream:
    """Returns the stream before the first step.

    Raises:
        UserError: The model reads its sequences from both ends.
    """
    config, cells = model.config, model.one_way_cells()
    shape = (batch_size, config.hidden_size)
    pooled: dict[str, tuple[Array, ...]] = {
        "mean": (jnp.zeros(shape), jnp.zeros(())),
        "max": (jnp.full(shape, -jnp.inf),),
    }
    return Stream(
        states=tuple(cell.zero_state(batch_size, jnp.dtype(config.dtype)) for cell in cells),
        pooled=pooled.get(config.readout, ()),
    )


def stream_step(
    model: Model, stream: Stream, inputs: Array
) -> tuple[Stream, Float[Array, "batch output"]]:
    """Returns the stream after one more step of a sequence, with the output.

    Args:
        model: The model.
        stream: What is kept of the steps before.
        inputs: Those of this step: features `[batch, input_size]`, or token ids `[batch]`.

    Returns:
        What is kept, and the outputs: what the model gives for the whole sequence up to this step
        (of a model that is read at every step, at the last).
    """
    x = model.embed(inputs)
    states = []
    for cell, state in zip(model.one_way_cells(), stream.states, strict=True):
        state = cell.step(state, cell.project(x), plain_dot(cell, x.dtype))
        states.append(state)
        x = state[0]
    hidden, pooled = x.astype(jnp.float32), stream.pooled
    if model.config.readout == "mean":
        total, number = pooled
        pooled = (total + hidden, number + 1)
        hidden = pooled[0] / pooled[1]
    elif model.config.readout == "max":
        pooled = (jnp.maximum(pooled[0], hidden),)
        hidden = pooled[0]
    return Stream(tuple(states), pooled), model.head(hidden)


def stream_bytes(model: Model) -> int:
    """Returns the bytes kept of a sequence between two steps: the states, and what is pooled."""
    stream = jax.eval_shape(lambda: start_stream(model))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(stream))
