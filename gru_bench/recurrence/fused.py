"""A cell run over a sequence in one GPU kernel, the recurrent weights on the chip all the while.

No GPU has run the kernels yet: they are tested on a CPU, where Pallas interprets them.

On a GPU a scan launches several kernels a step, and each reads the weights anew. Here one kernel
holds them and walks through time by itself; another walks back for the gradient (kernels.py). Both
are written in Pallas for its Triton backend, and serve every cell whose step is pointwise but for
its products (tiles.py): the pointwise part is derived from the cell's equations, its gradient by
autodiff. An instance of a kernel takes `ROWS` sequences, so that many runs or large batches fill a
GPU. JAX 0.11 still has the backend but warns that a later version will not.

The letters are those of docs/recurrence.md; as in scan.py, the gradient of the weights is one large
product after the loop.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from gru_bench.cells.base import AffineMap, Cell, State
from gru_bench.recurrence import kernels
from gru_bench.recurrence.tile_layout import MIN_UNITS, ROWS, padded
from gru_bench.recurrence.tiles import tile_step

DTYPES = ("float32", "bfloat16")


def fits(cell: type[Cell], hidden_size: int, dtype: str) -> bool:
    """Returns whether a layer's weights fit on the chip of an H100 or H200, in this dtype."""
    itemsize = jnp.dtype(dtype).itemsize
    needed = kernels.shared_bytes(cell, padded(hidden_size), itemsize, steps_ahead=0)
    return dtype in DTYPES and needed <= kernels.SHARED_MEMORY


def require_tiles(cell: type[Cell], p_blocks: int) -> None:
    """Raises `NotPointwise` if a cell with `p_blocks` blocks of projected input cannot be fused."""
    step = tile_step(cell, p_blocks, ROWS, MIN_UNITS, jnp.float32)
    tile = jnp.zeros((ROWS, MIN_UNITS))
    step([tile] * cell.state_arrays, [tile] * p_blocks, lambda k, a: [a] * cell.products[k])


def run(
    cell: type[Cell],
    maps: tuple[AffineMap, ...],
    p: Array,
    s: State,
    interpret: bool | None = None,
) -> tuple[Array, State]:
    """Runs a cell over a projected sequence.

    Args:
        cell: The class of the cell.
        maps: Weights and bias of each recurrent product, in the dtype of p.
        p: Projected inputs `[time, batch, columns]`.
        s: The state before the first step.
        interpret: Whether Pallas interprets the kernels, as it must on a CPU (the default there).

    Returns:
        The output after each step, and the state after the last.

    Raises:
        NotPointwise: The cell's step cannot be done tile by tile.
    """
    if interpret is None:
        interpret = jax.default_backend() == "cpu"
    return _run(cell, interpret, maps, p, s)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(
    cell: type[Cell], interpret: bool, maps: tuple[AffineMap, ...], p: Array, s: State
) -> tuple[Array, State]:
    return kernels.forward(cell, interpret, maps, p, s, keep=False)[0]


def _forward(
    cell: type[Cell], interpret: bool, maps: tuple[AffineMap, ...], p: Array, s: State
) -> Any:
    results, kept = kernels.forward(cell, interpret, maps, p, s, keep=True)
    return results, (maps, p, *kept)


def _backward(
    cell: type[Cell], interpret: bool, residuals: Any, cotangent: tuple[Array, State]
) -> Any:
    q_bar, p_bar, s_bar = kernels.backward(cell, interpret, residuals, cotangent)
    # The left operands of all steps at once, from a step whose products are known.
    maps, *steps = residuals
    p, before, q = (array.reshape(-1, array.shape[-1]) for array in steps)
    a: list[Array] = []

    def dot(k: int, a_k: Array) -> Array:
        a.append(a_k)
        return _parts(cell.products, q)[k]

    cell.step(tuple(jnp.split(before, cell.state_arrays, axis=-1)), p, dot)
    q_bars = _parts(cell.products, q_bar.reshape(q.shape))
    maps_bar = tuple(
        (a_k.T @ q_bar_k, None if bias is None else q_bar_k.sum(0))  # (7)
        for a_k, q_bar_k, (_, bias) in zip(a, q_bars, maps, strict=True)
    )
    return maps_bar, p_bar, s_bar


_run.defvjp(_forward, _backward)


def _parts(blocks: Sequence[int], array: Array) -> list[Array]:
    """Returns the products that lie side by side in an array, each of so many blocks."""
    unit = array.shape[-1] // sum(blocks)
    ends = [unit * sum(blocks[: i + 1]) for i in range(len(blocks) - 1)]
    return jnp.split(array, ends, axis=-1)
