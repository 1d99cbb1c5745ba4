"""A recurrence that keeps states at a few steps alone, and computes the others once more.

The backward pass of a loop over T steps needs what every step has computed, which is several times
its state. Here the sequence is cut into about sqrt(T) segments: only the states between them are
kept, and a segment's steps are taken again when the backward pass comes to it. That holds as much
as two segments' worth, and takes as long as one forward pass more.

Source: Chen et al., "Training deep nets with sublinear memory cost", 2016.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import State

Run = Callable[
    [Float[Array, "time batch input"], State], tuple[Float[Array, "time batch hidden"], State]
]


def in_segments(
    run: Run, x: Float[Array, "time batch input"], state: State
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs a recurrence over a sequence, segment by segment.

    Args:
        run: The recurrence, from inputs and the state before them to the outputs and the state
            after them.
        x: The inputs.
        state: The state before the first step.

    Returns:
        The output after each step, and the state after the last.
    """
    size = math.isqrt(len(x))
    odd = len(x) % size
    again = jax.checkpoint(run, prevent_cse=False)  # A loop body shares nothing with another.

    def segment(state: State, x: Array) -> tuple[State, Array]:
        outputs, state = again(x, state)
        return state, outputs

    first, state = jax.checkpoint(run)(x[:odd], state) if odd else (None, state)
    rest = x[odd:].reshape(-1, size, *x.shape[1:])
    state, outputs = jax.lax.scan(segment, state, rest)
    outputs = outputs.reshape(-1, *outputs.shape[2:])
    return outputs if first is None else jnp.concatenate([first, outputs]), state
