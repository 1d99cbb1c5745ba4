"""A model used in real time: one step of a sequence after another, only the state being kept.

The state of a recurrent cell has one size. Attention keeps the keys and values of the steps before,
as many as a stream is made for: beyond these it forgets the earliest.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gru_bench.cells.base import State
from gru_bench.model.attention import Attention, Cache
from gru_bench.model.layers import OneWay
from gru_bench.model.model import Model
from gru_bench.recurrence.plain import plain_dot

LayerState = State | Cache
STEPS = 64  # steps that attention keeps if nothing is said


class Stream(NamedTuple):
    """All that is kept of a sequence between two steps.

    Attributes:
        states: The state of each layer.
        pooled: For a head that reads the mean of the hidden states, their sum and count so far; for
            one that reads their maximum, that maximum; otherwise nothing.
        position: How many steps there were, which attention asks for; None for recurrent layers.
    """

    states: tuple[LayerState, ...]
    pooled: tuple[Float[Array, "..."], ...]
    position: Int[Array, ""] | None


def start_stream(model: Model, batch_size: int = 1, steps: int = STEPS) -> Stream:
    """Returns the stream before the first step.

    Args:
        model: The model.
        batch_size: Sequences.
        steps: Steps that attention keeps, itself included.

    Raises:
        UserError: The model reads its sequences from both ends.
    """
    config, layers = model.config, model.one_way_layers()
    dtype = jnp.dtype(config.dtype)

    def start(layer: OneWay) -> LayerState:
        if isinstance(layer, Attention):
            return layer.start(batch_size, steps, dtype)
        return layer.zero_state(batch_size, dtype)

    shape = (batch_size, config.hidden_size)
    pooled: dict[str, tuple[Array, ...]] = {
        "mean": (jnp.zeros(shape), jnp.zeros(())),
        "max": (jnp.full(shape, -jnp.inf),),
    }
    return Stream(
        states=tuple(map(start, layers)),
        pooled=pooled.get(config.readout, ()),
        position=None if config.is_recurrent else jnp.int32(0),
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
    for layer, state in zip(model.one_way_layers(), stream.states, strict=True):
        state, x = _layer_step(layer, state, x, stream.position)
        states.append(state)
    hidden, pooled = x.astype(jnp.float32), stream.pooled
    if model.config.readout == "mean":
        total, number = pooled
        pooled = (total + hidden, number + 1)
        hidden = pooled[0] / pooled[1]
    elif model.config.readout == "max":
        pooled = (jnp.maximum(pooled[0], hidden),)
        hidden = pooled[0]
    position = None if stream.position is None else stream.position + 1
    return Stream(tuple(states), pooled, position), model.head(hidden)


def _layer_step(
    layer: OneWay,
    state: LayerState,
    x: Float[Array, "batch input"],
    position: Int[Array, ""] | None,
) -> tuple[LayerState, Float[Array, "batch hidden"]]:
    """Returns the state of a layer after one more step, with its output."""
    if isinstance(layer, Attention):
        assert isinstance(state, Cache)
        assert position is not None
        return layer.step(state, x, position)
    state = layer.step(state, layer.project(x), plain_dot(layer, x.dtype))
    return state, state[0]


def with_room(stream: Stream) -> Stream:
    """Returns a stream that has room for one more step: where there is none, for twice as many."""
    position = stream.position
    if position is None:
        return stream
    states = tuple(
        _widened(state) if isinstance(state, Cache) and position >= len(state.keys) else state
        for state in stream.states
    )
    return stream._replace(states=states)


def _widened(cache: Cache) -> Cache:
    more = ((0, len(cache.keys)), (0, 0), (0, 0), (0, 0))
    return Cache(jnp.pad(cache.keys, more), jnp.pad(cache.values, more))


def stream_bytes(model: Model, steps: int) -> int:
    """Returns the bytes kept of a sequence between two steps: the states, and what is pooled.

    The number of the step, which all sequences share, is not counted.

    Args:
        model: The model.
        steps: The steps of the sequence, by which what attention keeps grows.
    """
    stream = jax.eval_shape(lambda: start_stream(model, steps=steps))
    kept = jax.tree.leaves((stream.states, stream.pooled))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in kept)
