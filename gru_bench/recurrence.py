"""A cell run over a sequence: `lax.scan` over time, with all that can leave the loop outside it.

Input projections are one product before the loop. So are, after it, the gradients of the recurrent
weights: autodiff of a plain scan would add an outer product to a `[hidden, columns]` accumulator in
every step. Here the forward loop splits each step in its products and the pointwise rest, and keeps
the vjp of the rest, which autodiff derives from the cell's own equations. The backward loop runs
these in reverse, with the transposed products in between, and stacks the cotangents of the
products, so that the gradient of the weights is one large product of the left operands with them.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench import cudnn, fused
from gru_bench.cells import AffineMap, Cell, State

# On a CPU the product of a small batch with a large matrix is up to twice as fast in blocks of this
# many rows and columns: a block stays in the cache while it is read.
CPU_BLOCK = 256

Blocks = tuple[tuple[Array, ...], ...]  # a matrix in rows of blocks


def unroll(
    cell: Cell, x: Float[Array, "time batch input"], state: State, path: str = "scan"
) -> tuple[Float[Array, "time batch hidden"], State]:
    """Runs the cell over a sequence.

    Args:
        cell: the cell.
        x: inputs; its dtype is the dtype of the computation.
        state: the state before the first step.
        path: how it is computed: "scan" here, "fused" or "cudnn" in the module of that name.

    Returns:
        The output after each step, and the state after the last.
    """
    if path == "cudnn":
        return cudnn.unroll(cell, x, state)
    run = fused.run if path == "fused" else _run
    maps = jax.tree.map(lambda parameter: parameter.astype(x.dtype), cell.recurrent_maps())
    return run(type(cell), maps, cell.project(x), state)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(
    cell: type[Cell], maps: tuple[AffineMap, ...], x: Array, state: State
) -> tuple[Array, State]:
    weights = [_blocks(weight) for weight, _ in maps]

    def body(state: State, x_t: Array) -> tuple[State, Array]:
        def dot(i: int, a: Array) -> Array:
            product = _product(a, weights[i])
            bias = maps[i][1]
            return product if bias is None else product + bias

        state = cell.step(state, x_t, dot)
        return state, state[0]

    state, outputs = jax.lax.scan(body, state, x)
    return outputs, state


def _forward(cell: type[Cell], maps: tuple[AffineMap, ...], x: Array, state: State) -> Any:
    """The loop once more; it leaves behind the left operands and each step's pointwise vjp."""
    weights = [_blocks(weight) for weight, _ in maps]
    tap_shapes = [(x.shape[1], weight.shape[1]) for weight, _ in maps]

    def body(state: State, x_t: Array) -> tuple[State, Any]:
        @partial(jax.checkpoint, policy=_is_kept, prevent_cse=False)
        def pointwise(state: State, x_t: Array, taps: list[Array]) -> tuple[State, list[Array]]:
            """The step as a function of its products, which taps of zero stand for."""
            left: list[Any] = [None] * len(maps)

            def dot(i: int, a: Array) -> Array:
                left[i] = a
                product = jax.lax.stop_gradient(_product(a, weights[i])) + taps[i]
                bias = maps[i][1]
                return product if bias is None else product + bias

            return cell.step(state, x_t, dot), left

        taps = [jnp.zeros(shape, x_t.dtype) for shape in tap_shapes]
        (next_state, left), vjp = jax.vjp(pointwise, state, x_t, taps)
        # The output of the step before is kept anyway.
        left = [None if a is state[0] else a for a in left]
        return next_state, (next_state[0], left, vjp)

    last, (outputs, left, vjps) = jax.lax.scan(body, state, x)
    return (outputs, last), (maps, state[0], outputs, left, vjps)


def _backward(cell: type[Cell], residuals: Any, cotangent: tuple[Array, State]) -> Any:
    maps, start, outputs, left, vjps = residuals
    outputs_bar, state_bar = cotangent
    # Products run along rows in memory: one transposition here, none in the loop.
    transposed = [_blocks(weight.T) for weight, _ in maps]

    def body(state_bar: State, step: Any) -> tuple[State, Any]:
        output_bar, vjp = step
        state_bar = (state_bar[0] + output_bar, *state_bar[1:])
        left_bar = [jnp.zeros_like(output_bar) for _ in maps]
        # A product's cotangent depends on the left operands of later products only. What is
        # computed in vain or twice here, XLA drops.
        for i in reversed(range(len(maps))):
            _, _, products_bar = vjp((state_bar, left_bar))
            left_bar[i] = _product(products_bar[i], transposed[i])
        state_bar, x_bar, products_bar = vjp((state_bar, left_bar))
        return state_bar, (None if cell.input_is_added else x_bar, products_bar)

    state_bar, (x_bar, products_bar) = jax.lax.scan(
        body, state_bar, (outputs_bar, vjps), reverse=True
    )
    if cell.input_is_added:
        x_bar = jnp.concatenate(products_bar, axis=-1)
    before = jnp.concatenate([start[None], outputs[:-1]])
    maps_bar = tuple(
        (
            jnp.einsum("tbh,tbc->hc", before if a is None else a, product_bar),
            None if bias is None else product_bar.sum((0, 1)),
        )
        for a, product_bar, (_, bias) in zip(left, products_bar, maps, strict=True)
    )
    return maps_bar, x_bar, state_bar


_run.defvjp(_forward, _backward)


def _is_kept(primitive: Any, *_: Any, **__: Any) -> bool:
    """Whether the backward loop reads an operation's result; it repeats cheap arithmetic."""
    return primitive.name in ("logistic", "tanh", "split")


def _blocks(matrix: Float[Array, "rows columns"]) -> Blocks:
    """The matrix as the loop reads it."""
    if jax.default_backend() != "cpu":
        return ((matrix,),)
    if matrix.size <= CPU_BLOCK**2:
        return ((jax.lax.optimization_barrier(matrix),),)
    cut = tuple(tuple(_cut(rows, axis=1)) for rows in _cut(matrix, axis=0))
    # Without the barrier XLA cuts and transposes the matrix in every step anew.
    blocks: Blocks = jax.lax.optimization_barrier(cut)
    return blocks


def _product(a: Float[Array, "batch rows"], blocks: Blocks) -> Float[Array, "batch columns"]:
    """`a @ matrix`."""
    parts = [a] if len(blocks) == 1 else _cut(a, axis=1)
    columns = [
        sum(part @ block for part, block in zip(parts, column, strict=True))
        for column in zip(*blocks, strict=True)
    ]
    return jnp.concatenate(columns, axis=1)


def _cut(array: Array, axis: int) -> list[Array]:
    return jnp.split(array, list(range(CPU_BLOCK, array.shape[axis], CPU_BLOCK)), axis)
