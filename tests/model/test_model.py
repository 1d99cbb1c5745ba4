"""The model: what its head reads, what padding cannot reach, how its layers are put together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from helpers.reference import CELLS, named, random_cell
from helpers.torch_layers import TORCH, torch_layer

from gru_bench.model.model import Model, ModelConfig, read_out
from gru_bench.recurrence.scan import unroll

TIME, BATCH = 7, 5
LENGTHS = np.array([7, 1, 3, 6, 7])
POOLINGS = ("last", "mean", "max")
PADDED = np.arange(TIME)[:, None] >= LENGTHS


def make_model(cell="gru", readout="last", **options):
    config = ModelConfig(cell, 6, 3, 8, readout=readout, **options)
    return Model(config, rngs=nnx.Rngs(0))


def make_inputs(tokens):
    random = np.random.default_rng(0)
    if tokens:
        return random.integers(1, 6, (TIME, BATCH))
    return random.normal(size=(TIME, BATCH, 6)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "readout", "tokens"),
    [
        *((name, "mean", False) for name in CELLS),
        *(("gru", readout, True) for readout in POOLINGS),
    ],
)
def test_what_follows_a_sequence_changes_nothing(name, readout, tokens):
    model = make_model(name, readout, layers=2, embedding_size=4 if tokens else None)
    apply = nnx.jit(Model.__call__)
    inputs = make_inputs(tokens)
    other = inputs.copy()
    inputs[PADDED] = 1 if tokens else 0
    other[PADDED] = 0 if tokens else 1e3
    lengths = jnp.array(LENGTHS)
    outputs = np.array(apply(model, jnp.array(inputs), lengths))
    assert outputs.shape == (BATCH, 3)
    np.testing.assert_array_equal(apply(model, jnp.array(other), lengths), outputs)
    longer = np.array(apply(model, jnp.array(other), jnp.full(BATCH, TIME)))
    np.testing.assert_array_equal(np.any(longer != outputs, axis=1), LENGTHS < TIME)


@pytest.mark.parametrize("readout", POOLINGS)
def test_no_gradient_reaches_the_padding(readout):
    model = make_model("gru", readout)
    gradient = jax.jit(jax.grad(lambda x: jnp.square(model(x, jnp.array(LENGTHS))).sum()))(
        jnp.array(make_inputs(False))
    )
    reaches = np.any(np.array(gradient) != 0, axis=-1)
    assert not reaches[PADDED].any()
    assert reaches[0].all()
    if readout == "mean":
        np.testing.assert_array_equal(reaches, ~PADDED)


@pytest.mark.parametrize("readout", [*POOLINGS, "every"])
def test_read_outs_equal_each_sequence_by_itself(readout):
    hidden = np.random.default_rng(1).normal(size=(TIME, BATCH, 4)).astype(np.float32)
    found = read_out(jnp.array(hidden), jnp.array(LENGTHS), readout)
    if readout == "every":
        np.testing.assert_array_equal(found, hidden)
        return
    pool = {"last": lambda h: h[-1], "mean": lambda h: h.mean(0), "max": lambda h: h.max(0)}
    expected = [pool[readout](hidden[:length, b]) for b, length in enumerate(LENGTHS)]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-6, atol=1e-7)


def test_a_head_on_every_step_sees_no_later_step():
    model = make_model("lstm", "every")
    inputs = make_inputs(False)
    other = inputs.copy()
    other[4:] += 1
    apply = nnx.jit(Model.__call__)
    lengths = jnp.full(BATCH, TIME)
    one, two = (np.array(apply(model, jnp.array(x), lengths)) for x in (inputs, other))
    assert one.shape == (TIME, BATCH, 3)
    np.testing.assert_array_equal(one[:4], two[:4])
    assert np.all(np.any(one[4:] != two[4:], axis=-1))


@pytest.mark.parametrize("name", CELLS)
def test_layers_the_embedding_and_the_head_are_what_they_say(name):
    model = make_model(name, layers=2, embedding_size=4)
    tokens = make_inputs(True)
    x = model.embedding.embedding[...][tokens]
    for cell in model.layers:
        x, _ = unroll(cell, x, cell.zero_state(BATCH, x.dtype))
    outputs = model(jnp.array(tokens), jnp.array(LENGTHS))
    last = x[LENGTHS - 1, np.arange(BATCH)]
    expected = last @ model.head.kernel[...] + model.head.bias[...][None]
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", TORCH)
def test_two_layers_equal_torch(name, x64):
    model = Model(ModelConfig(name, 6, 3, 4, layers=2, dtype="float64"), rngs=nnx.Rngs(0))
    model.layers = nnx.List([random_cell(name, 6, 4), random_cell(name, 4, 4, seed=2)])
    x = np.random.default_rng(0).normal(size=(TIME, BATCH, 6))
    below, above = (torch_layer(name, named(name, cell)) for cell in model.layers)
    expected = above(below(torch.tensor(x))[0])[0].detach().numpy()
    hidden = nnx.jit(Model.hidden_states)(model, jnp.array(x), jnp.full(BATCH, TIME))
    np.testing.assert_allclose(hidden, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_bfloat16_is_of_the_recurrence_alone(name):
    model = make_model(name, "mean", dtype="bfloat16")
    inputs, lengths = jnp.array(make_inputs(False)), jnp.array(LENGTHS)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(nnx.state(model)))
    assert jax.eval_shape(model.hidden_states, inputs, lengths).dtype == jnp.bfloat16
    assert jax.eval_shape(model, inputs, lengths).dtype == jnp.float32


def test_choices_of_the_cell_reach_every_layer():
    model = make_model("lstm", layers=3, forget_bias=2.5)
    for cell in model.layers:
        np.testing.assert_array_equal(named("lstm", cell)["bf"], 2.5)
    biases = [named("gru", cell)["bz"] for cell in make_model(layers=3, chrono_length=50).layers]
    for i, bias in enumerate(biases):
        assert -np.log(49) - 1e-6 <= bias.min()
        assert bias.max() <= 0
        assert all(np.abs(bias - other).max() > 0.01 for other in biases[:i])


@pytest.mark.parametrize("name", CELLS)
def test_layers_start_differently(name):
    first, second, third = make_model(name, layers=3).layers
    assert first.weight_ih.shape[0] == 6
    for one, other in ((first, second), (second, third)):
        assert jnp.abs(one.weights_hh[0][...] - other.weights_hh[0][...]).max() > 0.1
