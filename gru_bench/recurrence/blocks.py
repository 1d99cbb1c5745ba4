"""Products with a weight matrix as the loop over time takes them: on a CPU in blocks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# On a CPU the product of a small batch with a large matrix is up to twice as fast in blocks of this
# many rows and columns: a block stays in the cache while it is read.
CPU_BLOCK = 256

Blocks = tuple[tuple[Array, ...], ...]  # a matrix in rows of blocks


def in_blocks(matrix: Float[Array, "rows columns"]) -> Blocks:
    """Returns the matrix as the loop reads it: whole, or on a CPU in blocks if it is large."""
    if jax.default_backend() != "cpu":
        return ((matrix,),)
    if matrix.size <= CPU_BLOCK**2:
        return ((jax.lax.optimization_barrier(matrix),),)
    cut = tuple(tuple(_cut(rows, axis=1)) for rows in _cut(matrix, axis=0))
    # Without the barrier XLA cuts and transposes the matrix in every step anew.
    blocks: Blocks = jax.lax.optimization_barrier(cut)
    return blocks


def product(a: Float[Array, "batch rows"], blocks: Blocks) -> Float[Array, "batch columns"]:
    """Returns `a @ matrix`."""
    parts = [a] if len(blocks) == 1 else _cut(a, axis=1)
    columns = [
        sum(part @ block for part, block in zip(parts, column, strict=True))
        for column in zip(*blocks, strict=True)
    ]
    return jnp.concatenate(columns, axis=1)


def affine(
    a: Float[Array, "batch rows"], blocks: Blocks, bias: Float[Array, " columns"] | None
) -> Float[Array, "batch columns"]:
    """Returns `a @ matrix + bias`, or the product alone where there is no bias."""
    result = product(a, blocks)
    return result if bias is None else result + bias[None]


def _cut(array: Array, axis: int) -> list[Array]:
    return jnp.split(array, list(range(CPU_BLOCK, array.shape[axis], CPU_BLOCK)), axis)
