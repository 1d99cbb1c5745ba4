"""A recurrence whose backward pass takes its steps once more is the same recurrence."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gru_bench.cells.builtin import CELLS
from gru_bench.measuring.program_memory import program_memory_mb
from gru_bench.model.model import Model, ModelConfig
from gru_bench.recurrence.plain import plain_unroll
from gru_bench.recurrence.scan import unroll
from gru_bench.recurrence.segments import in_segments

BATCH, INPUT, HIDDEN = 2, 3, 4


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("time", [1, 7, 16])
def test_outputs_state_and_gradients_are_those_of_autodiff_in_float64(cell, time):
    with jax.enable_x64():
        made = CELLS[cell](INPUT, HIDDEN, rngs=nnx.Rngs(0))
        graph, params = nnx.split(made)
        random = np.random.default_rng(0)
        params = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape)), params)
        x = jnp.asarray(random.normal(size=(time, BATCH, INPUT)))
        weights = jnp.asarray(random.normal(size=(time, BATCH, HIDDEN)))

        def loss(params, x, way):
            layer = nnx.merge(graph, params)
            outputs, state = way(layer, x, layer.zero_state(BATCH, x.dtype))
            return jnp.vdot(outputs, weights) + sum(array.sum() for array in state)

        def again(layer, x, state):
            return in_segments(partial(unroll, layer), x, state)

        value_and_gradients = [
            jax.jit(jax.value_and_grad(partial(loss, way=way), (0, 1)))(params, x)
            for way in (plain_unroll, again)
        ]
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9), *value_and_gradients)


def test_a_long_sequence_takes_a_part_of_the_memory():
    config = ModelConfig("lstm", input_size=1, output_size=1, hidden_size=8)
    x, lengths = jax.ShapeDtypeStruct((400, 4, 1), jnp.float32), jnp.full(4, 400)

    def megabytes(config):
        graph, params = nnx.split(nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0))))

        def loss(params, x):
            return jnp.square(nnx.merge(graph, params)(x, lengths)).sum()

        return program_memory_mb(jax.jit(jax.grad(loss)).lower(params, x).compile())

    assert megabytes(dataclasses.replace(config, remat=True)) < 0.5 * megabytes(config)


@pytest.mark.parametrize(
    "option", [{"bidirectional": True}, {"layer_norm": True, "recurrence": "plain"}]
)
def test_a_model_with_remat_is_the_same_model(option):
    config = ModelConfig("gru", 2, 1, 4, layers=2, **option)
    x = jax.random.normal(jax.random.key(1), (10, 3, 2))
    lengths = jnp.array([10, 3, 7])
    graph, params = nnx.split(Model(config, rngs=nnx.Rngs(0)))

    def gradient(remat):
        merged = nnx.merge(graph, params)
        merged.config = dataclasses.replace(config, remat=remat)
        graph_, _ = nnx.split(merged)
        return jax.jit(jax.grad(lambda p: nnx.merge(graph_, p)(x, lengths).sum()))(params)

    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), gradient(True), gradient(False)
    )
