"""Dropout in training: numbers that are left out at random, the others made larger for them.

Every sequence of a batch has a key of its own. So the masks are the same however a batch is shared
out among devices, whatever the other sequences are, and whichever cell is trained.

Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
2014.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def keys_at(keys: Key[Array, " batch"], place: int) -> Key[Array, " batch"]:
    """Returns the keys of one place in the model, where all masks are its own."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, place)


def keep_mask(
    keys: Key[Array, " batch"], rate: float, shape: tuple[int, ...], dtype: jax.typing.DTypeLike
) -> Float[Array, "*steps batch features"]:
    """Returns what to multiply by: 0 with the probability `rate`, otherwise 1 / (1 - rate).

    Args:
        keys: A key for each sequence.
        rate: The share that is left out.
        shape: Of the mask, `[..., batch, features]`.
        dtype: Its type.
    """
    *steps, _, features = shape

    def draw(key: Key[Array, ""]) -> Array:
        return jax.random.bernoulli(key, 1 - rate, (*steps, features))

    kept = jax.vmap(draw, out_axes=len(steps))(keys)
    return jnp.where(kept, jnp.asarray(1 / (1 - rate), dtype), jnp.zeros((), dtype))


def drop(
    x: Float[Array, "*steps batch features"], keys: Key[Array, " batch"], rate: float
) -> Float[Array, "*steps batch features"]:
    """Returns the features of which each was left out with the probability `rate`."""
    return x * keep_mask(keys, rate, x.shape, x.dtype)
