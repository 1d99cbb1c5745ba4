"""The layer of attention against PyTorch; causality, its stream, and its exact counts."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from helpers.models import random_model
from helpers.torch_attention import torch_attention
from hypothesis import given

from gru_bench.model.attention import Attention, Cache, rotated
from gru_bench.model.attention_counts import attention_width, head_size, heads
from gru_bench.model.counts import (
    COUNTS,
    matched_hidden_size,
    stack_flops,
    stack_parameters,
    stack_state,
)
from gru_bench.model.model import Model, ModelConfig, count_parameters
from gru_bench.model.parameters import named_arrays
from gru_bench.model.streaming import start_stream, stream_bytes, stream_step, with_room


def random_layer(input_size, hidden_size):
    """A layer whose parameters, biases included, are all random, in the current precision."""
    model = random_model("attention", input_size, hidden_size=hidden_size)
    return model.layers[0]


@pytest.mark.parametrize(("hidden_size", "steps"), [(6, 9), (33, 4), (70, 5)])
@pytest.mark.usefixtures("x64")
def test_the_layer_and_its_gradients_are_pytorchs(hidden_size, steps):
    layer = random_layer(3, hidden_size)
    random = np.random.default_rng(1)
    x = random.normal(size=(steps, 2, 3))
    weights = random.normal(size=(steps, 2, hidden_size))
    graph, params = nnx.split(layer)

    def loss(params, x):
        outputs = nnx.merge(graph, params)(x)
        return (outputs * weights).sum(), outputs

    (_, found), (of_params, of_x) = jax.value_and_grad(loss, (0, 1), has_aux=True)(
        params, jnp.asarray(x)
    )
    tensors = {
        name: torch.tensor(np.asarray(array), requires_grad=True)
        for name, array in named_arrays(params).items()
    }
    inputs = torch.tensor(x, requires_grad=True)
    expected = torch_attention(tensors, inputs)
    (expected * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(of_x, inputs.grad.numpy(), rtol=1e-8, atol=1e-10)
    gradients = named_arrays(of_params)
    assert gradients.keys() == tensors.keys()
    for name, gradient in gradients.items():
        wanted = tensors[name].grad.numpy()
        np.testing.assert_allclose(gradient, wanted, rtol=1e-8, atol=1e-10, err_msg=name)


LAYER = random_layer(2, 34)
APPLY = jax.jit(lambda x: LAYER(x))


@given(seen=st.integers(1, 7), value=st.floats(-100, 100), seed=st.integers(0, 99))
def test_what_comes_later_changes_nothing(seen, value, seed):
    x = np.random.default_rng(seed).normal(size=(8, 1, 2)).astype(np.float32)
    changed = np.where(np.arange(8)[:, None, None] < seen, x, np.float32(value))
    np.testing.assert_array_equal(APPLY(changed)[:seen], APPLY(x)[:seen])


def test_scores_depend_on_the_distance_alone():
    a, b = jax.random.normal(jax.random.key(0), (2, 1, 1, 1, 8))

    def score(i, j):
        return jnp.vdot(rotated(a, jnp.array([i])), rotated(b, jnp.array([j])))

    np.testing.assert_allclose(score(3, 1), score(44, 42), rtol=1e-4)
    assert abs(score(3, 1) - score(3, 2)) > 1e-3


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
def test_a_stream_that_grows_gives_what_the_whole_sequence_gives(readout):
    model = random_model("attention", 2, 3, 34, readout=readout, layers=2)
    inputs = jax.random.normal(jax.random.key(0), (9, 3, 2))
    step, apply = jax.jit(stream_step), jax.jit(lambda model, lengths: model(inputs, lengths))
    stream, found = start_stream(model, 3, steps=2), []
    for x in inputs:
        stream, output = step(model, with_room(stream), x)
        found.append(output)
    (first, _) = stream.states
    assert isinstance(first, Cache)
    assert len(first.keys) == 16
    lengths = range(1, 10)
    expected = [apply(model, jnp.full(3, length)) for length in lengths]
    if readout == "every":
        expected = expected[-1]
    np.testing.assert_allclose(np.stack(found), np.stack(expected), rtol=1e-3, atol=1e-3)


def test_a_stream_without_room_forgets_the_earliest_steps():
    model = random_model("attention", 2, 1, 6)
    inputs = jax.random.normal(jax.random.key(0), (7, 1, 2))
    step, stream = jax.jit(stream_step), start_stream(model, steps=3)
    for x in inputs:
        stream, output = step(model, stream, x)
    expected = model(inputs[-3:], jnp.full(1, 3))  # positions are relative
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hidden_size", [1, 2, 31, 32, 33, 64, 65, 100, 128, 257])
def test_heads_are_even_small_and_as_wide_as_the_layer(hidden_size):
    assert head_size(hidden_size) % 2 == 0
    assert head_size(hidden_size) <= 32
    assert hidden_size <= attention_width(hidden_size) < hidden_size + 2 * heads(hidden_size)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (5, 16), (40, 40), (7, 33)])
def test_the_formula_counts_the_layers(input_size, hidden_size, layers):
    config = ModelConfig("attention", input_size, 3, hidden_size, layers=layers)
    model = nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0)))
    counted = stack_parameters("attention", input_size, hidden_size, layers)
    assert count_parameters(model.layers) == counted
    assert count_parameters(model) == counted + 3 * (hidden_size + 1)


def test_counts_worked_by_hand():
    # H=4: an input of 2; two norms; 3 maps and the one back; an MLP of 16 units.
    assert stack_parameters("attention", 2, 4, 1) == 12 + 16 + 3 * 20 + 20 + 80 + 68
    norms, maps, mlp, gelu = 2 * 7 * 4, 3 * 36 + 36, 16 * 9 + 4 * 33, 9 * 16
    of_a_step = norms + maps + mlp + gelu + 2 * 3 * 4 + 4 + 2 * 4
    # Two products of 4 numbers and a softmax with each of 1, 2 and 3 steps: 2 in the mean.
    assert stack_flops("attention", 2, 4, 1, length=3) == 20 + of_a_step + 2 * (16 + 4)
    assert stack_flops("attention", 2, 4, 2, length=3) == 20 + 2 * (of_a_step + 2 * (16 + 4))


@pytest.mark.parametrize("match", COUNTS)
def test_no_size_comes_nearer_to_an_lstm(match):
    def count(cell, size):
        grows = {} if match == "parameters" else {"length": 5}
        return COUNTS[match](cell, 40, size, 2, **grows)

    found = matched_hidden_size("attention", 40, 64, 2, match, length=5)
    distances = [abs(count("attention", size) - count("lstm", 64)) for size in range(1, 100)]
    assert distances[found - 1] == min(distances)


def test_the_state_grows_with_the_steps():
    model = random_model("attention", 2, 1, 33, layers=2)
    assert stream_bytes(model, 10) == 4 * stack_state("attention", 2, 33, 2, length=10)
    each = 2 * 36 * 4  # keys and values of two heads of 18 numbers
    assert stream_bytes(model, 10) == 2 * 10 * each
    assert stream_bytes(model, 20) - stream_bytes(model, 10) == 2 * 10 * each


def test_layers_after_the_first_read_their_own_width():
    model = random_model("attention", 2, 1, 6, layers=2)
    first, second = model.layers
    assert isinstance(first, Attention)
    assert first.input_map is not None
    assert second.input_map is None


def test_half_precision_is_near_to_single():
    inputs = jax.random.normal(jax.random.key(0), (9, 3, 2))
    lengths = jnp.full(3, 9)
    single = ModelConfig("attention", 2, 1, 32)
    half = ModelConfig("attention", 2, 1, 32, dtype="bfloat16")
    models = [Model(config, rngs=nnx.Rngs(0)) for config in (single, half)]
    assert models[1].hidden_states(inputs, lengths).dtype == jnp.bfloat16
    expected, found = (model(inputs, lengths) for model in models)
    np.testing.assert_allclose(found, expected, atol=0.1)
