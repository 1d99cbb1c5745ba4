"""A sequence in chunks of steps: what is done for many steps at once is done chunk by chunk."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree

# Steps in a chunk on a CPU: fewer make small products of the gradients, more leave the cache.
CPU_CHUNK = range(12, 25)
CPU_ROWS = 384  # steps times sequences that stay in the cache as a single chunk


def chunks(length: int, batch: int) -> tuple[Int[Array, " odd"], Int[Array, "chunks steps"]]:
    """Returns the numbers of all steps in order: an odd first chunk, then chunks of equal length.

    The odd chunk is empty where the others take up all steps. An accelerator has no use for
    chunks: it takes all steps as one.
    """
    steps = jnp.arange(length)
    whole = length < CPU_CHUNK.stop or length * batch <= CPU_ROWS
    if jax.default_backend() != "cpu" or whole:
        return steps[:0], steps[None]
    size = max(CPU_CHUNK, key=lambda size: (-(length % size), size))
    return steps[: length % size], steps[length % size :].reshape(-1, size)


def in_chunk(steps: Int[Array, " steps"], arrays: PyTree[Array]) -> PyTree[Array]:
    """Returns the entries of successive steps of arrays whose leading axis is time."""
    return jax.tree.map(
        lambda array: jax.lax.dynamic_slice_in_dim(array, steps[0], len(steps)), arrays
    )


def at_step(step: Int[Array, ""], arrays: PyTree[Array]) -> PyTree[Array]:
    """Returns the entries of one step of arrays whose leading axis is time."""
    return jax.tree.map(
        lambda array: jax.lax.dynamic_index_in_dim(array, step, keepdims=False), arrays
    )
