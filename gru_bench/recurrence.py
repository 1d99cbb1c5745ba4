"""A cell run over a sequence: `lax.scan` over time, with all that can leave the loop outside it.

Input projections are one product before the loop. So are, after it, the gradients of the recurrent
weights: autodiff of a plain scan would add an outer product to a `[hidden, columns]` accumulator in
every step. Instead each recurrent product gets an additive *tap*, zero in value. The cotangent of a
tap is the cotangent of its product, and the scan stacks them over time, so that the gradient of the
weights is one large product of the left operands with them.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells import AffineMap, Cell, State


def unroll(
    cell: Cell, x: Float[Array, "time batch input"], state: State
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs the cell over a sequence.

    Args:
        cell: the cell.
        x: inputs; its dtype is the dtype of the computation.
        state: the state before the first step.

    Returns:
        The output after each step, and the state after the last.
    """
    maps = jax.tree.map(lambda parameter: parameter.astype(x.dtype), cell.recurrent_maps())
    return _run(type(cell), maps, cell.project(x), state)


def _scan(
    cell: type[Cell],
    maps: tuple[AffineMap, ...],
    x: Float[Array, "time batch columns"],
    state: State,
    taps: tuple[Float[Array, "time batch columns"] | float, ...],
) -> tuple[tuple[Array, State], tuple[Array, ...]]:
    """The loop; returns (outputs, last state) and the left operand of every recurrent product."""

    def body(state: State, step: tuple[Array, tuple[Array, ...]]) -> tuple[State, Any]:
        x_t, taps_t = step
        left = {}

        def dot(i: int, a: Array) -> Array:
            left[i] = a
            weight, bias = maps[i]
            product = a @ weight + taps_t[i]
            return product if bias is None else product + bias

        state = cell.step(state, x_t, dot)
        return state, (state[0], tuple(left[i] for i in range(len(maps))))

    state, (outputs, left) = jax.lax.scan(body, state, (x, taps))
    return (outputs, state), left


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(
    cell: type[Cell], maps: tuple[AffineMap, ...], x: Array, state: State
) -> tuple[Array, State]:
    return _scan(cell, maps, x, state, _taps(maps, x))[0]


def _taps(maps: tuple[AffineMap, ...], x: Array) -> tuple[Array, ...]:
    return tuple(jnp.zeros((*x.shape[:2], weight.shape[1]), x.dtype) for weight, _ in maps)


def _forward(cell: type[Cell], maps: tuple[AffineMap, ...], x: Array, state: State) -> Any:
    result, vjp, left = jax.vjp(partial(_scan, cell, maps), x, state, _taps(maps, x), has_aux=True)
    return result, (vjp, left, maps)


def _backward(cell: type[Cell], residuals: Any, cotangent: tuple[Array, State]) -> Any:
    vjp, left, maps = residuals
    x_bar, state_bar, taps_bar = vjp(cotangent)
    maps_bar = tuple(
        (
            jnp.einsum("tbh,tbc->hc", a, tap_bar),
            None if bias is None else tap_bar.sum((0, 1)),
        )
        for a, tap_bar, (_, bias) in zip(left, taps_bar, maps, strict=True)
    )
    return maps_bar, x_bar, state_bar


_run.defvjp(_forward, _backward)
