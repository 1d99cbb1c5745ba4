"""A cell through time by a Python loop, and gradients to compare."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.recurrence.plain import plain_dot


def python_unroll(cell, x, state):
    outputs = []
    for x_t in x:
        state = cell.step(state, cell.project(x_t), plain_dot(cell, x.dtype))
        outputs.append(state[0])
    return jnp.stack(outputs), state


def value_and_gradients(run, cells, x, state):
    """All results, and the gradients of a random combination of them."""
    graph, parameters = nnx.split(cells)

    def loss(parameters, x, state):
        results = run(nnx.merge(graph, parameters), x, state)
        leaves = jax.tree.leaves(results)
        weights = [np.random.default_rng(7).normal(size=leaf.shape) for leaf in leaves]
        terms = [
            (leaf.astype(x.dtype) * jnp.array(weight, x.dtype)).sum()
            for leaf, weight in zip(leaves, weights, strict=True)
        ]
        return sum(terms), results

    return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(parameters, x, state)


def assert_same(found, expected, **tolerance):
    assert jax.tree.structure(found) == jax.tree.structure(expected)  # type: ignore[operator] # missing in JAX's stub
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, **tolerance)
