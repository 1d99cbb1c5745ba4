"""A cell through time as its equations read, without any of the fast ways of `unroll`.

The fast ways are compared with it, and it is what a model that takes one step at a time uses. It
alone knows layer normalisation and a mask on what a cell reads of its own state.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import AffineMap, Cell, Dot, State


def plain_dot(cell: Cell, dtype: jax.typing.DTypeLike = jnp.float32) -> Dot:
    """Returns the `dot` of a cell's step: each product with a recurrent weight as it is called for.

    Args:
        cell: The cell.
        dtype: Type that the weights are converted to, which is that of the computation.
    """
    maps: tuple[AffineMap, ...] = jax.tree.map(
        lambda parameter: parameter.astype(dtype), cell.recurrent_maps()
    )

    def dot(i: int, a: Array) -> Array:
        weight, bias = maps[i]
        product = cell.normalised_product(i, a @ weight)
        return product if bias is None else product + bias[None]

    return dot


def plain_unroll(
    cell: Cell,
    x: Float[Array, "time batch input"],
    state: State,
    mask: Float[Array, "batch hidden"] | None = None,
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs the cell over a sequence by a scan that autodiff differentiates by itself.

    Args:
        cell: The cell.
        x: Inputs, whose type is that of the computation.
        state: The state before the first step.
        mask: What each recurrent product's left operand is multiplied by, at all steps; None for
            nothing.

    Returns:
        The output after each step, and the state after the last.
    """
    product = plain_dot(cell, x.dtype)

    def dot(i: int, a: Array) -> Array:
        return product(i, a if mask is None else a * mask)

    def step(state: State, x_t: Array) -> tuple[State, Array]:
        state = cell.step(state, cell.project(x_t), dot)
        return state, state[0]

    state, outputs = jax.lax.scan(step, state, x)
    return outputs, state
