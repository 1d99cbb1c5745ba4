"""A cell through time in parallel, where its next state is linear in its state.

With all a and b of a sequence known beforehand, each step is the map h -> a * h + b. Such maps,
one after another, are such a map again, so that a scan can put them together in any order of
brackets: in about 2 log T rounds of operations on whole arrays, not in T steps. The gradient is the
same recurrence backwards in time, and is computed in the same way.

Source: Blelloch, "Prefix sums and their applications", 1990; for recurrent networks Martin and
Cundy, "Parallelizing linear recurrent neural nets over sequence length", 2018.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import State
from gru_bench.cells.linear import Coefficients, LinearCell


def unroll(
    cell: LinearCell, x: Float[Array, "time batch input"], state: State
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs a linear cell over a sequence.

    Args:
        cell: The cell.
        x: The inputs; their dtype is the dtype of the computation.
        state: The state before the first step.

    Returns:
        The output after each step, and the state after the last.
    """
    (h,) = state
    a, b = cell.coefficients(cell.input_gates(cell.project(x)))
    outputs = linear_recurrence(a, b, h)
    return outputs, (outputs[-1],)


@jax.custom_vjp
def linear_recurrence(
    a: Float[Array, "time batch hidden"],
    b: Float[Array, "time batch hidden"],
    h: Float[Array, "batch hidden"],
) -> Float[Array, "time batch hidden"]:
    """Returns h_1 to h_T of h_t = a_t * h_{t-1} + b_t.

    Args:
        a: The factors.
        b: What is added.
        h: The state before the first step.
    """
    outputs: Array = jax.lax.associative_scan(_compose, (a, b.at[0].add(a[0] * h)))[1]
    return outputs


def _compose(first: Coefficients, second: Coefficients) -> Coefficients:
    """Returns the coefficients of two maps, of which the second takes the result of the first."""
    (a, b), (a_next, b_next) = first, second
    return a_next * a, a_next * b + b_next


def _forward(a: Array, b: Array, h: Array) -> Any:
    outputs = linear_recurrence(a, b, h)
    return outputs, (a, h, outputs)


def _backward(residuals: Any, outputs_bar: Array) -> tuple[Array, Array, Array]:
    """Returns the cotangents of all arguments.

    That of h_t is its own and a_{t+1} times that of h_{t+1}: a recurrence from the last step on.
    """
    a, h, outputs = residuals
    following = jnp.concatenate([a[1:], jnp.zeros_like(a[:1])])
    h_bar = jax.lax.associative_scan(_compose, (following, outputs_bar), reverse=True)[1]
    before = jnp.concatenate([h[None], outputs[:-1]])
    return h_bar * before, h_bar, a[0] * h_bar[0]


linear_recurrence.defvjp(_forward, _backward)
