"""Parameters by name: from a trained model to plain arrays, and back."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, PyTree

from gru_bench.model.model import Model, ModelConfig, make_model


def named_arrays(params: PyTree[Any]) -> dict[str, Any]:
    """Returns the arrays of parameters by their names, such as `layers.0.bias`."""
    paths = jax.tree_util.tree_leaves_with_path(params)
    return {_name(path): array for path, array in paths}


def model_with(config: ModelConfig, arrays: Mapping[str, np.ndarray]) -> Model:
    """Returns the model that has these parameters.

    Args:
        config: Sizes and choices of the model.
        arrays: All of its parameters, by name.

    Raises:
        ValueError: They are not those of such a model.
    """
    shapes = nnx.state(nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0))))
    wanted = {name: leaf.shape for name, leaf in named_arrays(shapes).items()}
    found = {name: array.shape for name, array in arrays.items()}
    if wanted != found:
        differing = sorted(set(wanted.items()) ^ set(found.items()), key=repr)
        raise ValueError(f"other parameters than the model has: {differing[0][0]}")

    def take(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> Array:
        return jnp.asarray(arrays[_name(path)], leaf.dtype)

    return make_model(config, jax.tree_util.tree_map_with_path(take, shapes))


def _name(path: tuple[Any, ...]) -> str:
    """Returns the place of a parameter in the model; that of its array within it is left out."""
    parts = [str(getattr(key, "key", getattr(key, "idx", ""))) for key in path]
    return ".".join(part for part in parts if part)
