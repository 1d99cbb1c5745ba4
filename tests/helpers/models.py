"""Models with random parameters."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.model.model import Model, ModelConfig


def random_model(name, input_size=2, output_size=1, hidden_size=3, seed=0, **options):
    """A model whose parameters, biases included, are all random, in the current precision."""
    dtype = str(jnp.zeros(()).dtype)
    config = ModelConfig(name, input_size, output_size, hidden_size, dtype=dtype, **options)
    graph, parameters = nnx.split(Model(config, rngs=nnx.Rngs(0)))
    random = np.random.default_rng(seed)
    return nnx.merge(
        graph,
        jax.tree.map(lambda leaf: jnp.array(0.7 * random.normal(size=leaf.shape)), parameters),
    )
