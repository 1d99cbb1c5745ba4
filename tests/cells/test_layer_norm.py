"""Layer-normalised cells: against NumPy and PyTorch, gradients, counts, streams and exports."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from helpers.models import random_model
from helpers.reference import CELLS, LINEAR, VARIANTS, sigmoid
from helpers.trained import random_trained

from gru_bench.cells.builtin import CELLS as BUILT_IN
from gru_bench.cells.layer_norm import LayerNormalised, layer_normalised, normalised
from gru_bench.export.files import onnx_call, sequence_difference
from gru_bench.export.onnx import sequence_model
from gru_bench.model.counts import cell_flops, cell_parameters
from gru_bench.model.model import ModelConfig, count_parameters, make_cell
from gru_bench.model.streaming import start_stream, stream_step
from gru_bench.recurrence.plain import plain_dot
from gru_bench.recurrence.scan import Implementation, unroll

INPUT, HIDDEN, BATCH, TIME = 3, 4, 2, 5
ALL = (*CELLS, *VARIANTS, *LINEAR)


def model_of(name, **options):
    """A model of layer-normalised cells whose parameters, gains and biases included, are random."""
    return random_model(name, INPUT, 2, HIDDEN, layer_norm=True, recurrence="plain", **options)


def ln(a):
    """Rows of mean 0 and variance 1, as PyTorch has them."""
    return torch.nn.functional.layer_norm(torch.from_numpy(a), a.shape[-1:], eps=1e-5).numpy()


def reference_step(name, cell, x, state):
    """One step by the equations of Ba et al. 2016, from the arrays of a cell."""
    w, b, gain = (np.asarray(a[...]) for a in (cell.weight_ih, cell.bias, cell.gain_ih))
    u = [np.asarray(weight[...]) for weight in cell.weights_hh]
    gains = [np.asarray(each[...]) for each in cell.gains_hh]
    h, units = state[0], HIDDEN

    def from_input(*groups):
        """The normalised products of the input, whose groups have so many blocks of columns."""
        ends = np.cumsum([0, *groups]) * units
        parts = [ln(x @ w[:, i:j]) for i, j in pairwise(ends)]
        return np.split(np.concatenate(parts, -1) * gain + b, sum(groups), -1)

    def from_state(k, a, *groups):
        ends = np.cumsum([0, *groups]) * units
        parts = [ln(a @ u[k][:, i:j]) for i, j in pairwise(ends)]
        return np.split(np.concatenate(parts, -1) * gains[k], sum(groups), -1)

    def put_out(c):
        return np.tanh(ln(c) * np.asarray(cell.gain_c[...]) + np.asarray(cell.bias_c[...]))

    if name == "mingru":
        z, n = from_input(2)
        return ((1 - sigmoid(z)) * h + sigmoid(z) * n,)
    if name == "minlstm":
        f, i, n = from_input(3)
        share = sigmoid(f) / (sigmoid(f) + sigmoid(i))
        return (share * h + (1 - share) * n,)
    if name == "rnn":
        return (np.tanh(from_input(1)[0] + from_state(0, h, 1)[0]),)
    if name.startswith("lstm"):
        blocks = 4 if name == "lstm" else 3
        pairs = zip(from_input(blocks), from_state(0, h, blocks), strict=True)
        sums = [p + q for p, q in pairs]
        if name == "lstm_coupled":
            f, g, o = sigmoid(sums[0]), np.tanh(sums[1]), sigmoid(sums[2])
            c = f * state[1] + (1 - f) * g
            return o * put_out(c), c
        c = sigmoid(sums[1]) * state[1] + sigmoid(sums[0]) * np.tanh(sums[2])
        return (sigmoid(sums[3]) if name == "lstm" else 1) * put_out(c), c
    if name == "gru_reset_after":
        (p_r, p_z, p_n), (q_r, q_z, q_n) = from_input(2, 1), from_state(0, h, 2, 1)
        r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z)
        n = np.tanh(p_n + r * (q_n + np.asarray(cell.bias_hn[...])))
        return ((1 - z) * n + z * h,)
    if name == "gru_no_reset":
        (p_z, p_n), (q_z, q_n) = from_input(1, 1), from_state(0, h, 1, 1)
        z = sigmoid(p_z + q_z)
        return ((1 - z) * h + z * np.tanh(p_n + q_n),)
    if name == "gru_no_update":
        p_r, p_n = from_input(1, 1)
        r = sigmoid(p_r + from_state(0, h, 1)[0])
        return (np.tanh(p_n + from_state(1, r * h, 1)[0]),)
    (p_z, p_r, p_n), (q_z, q_r) = from_input(2, 1), from_state(0, h, 2)
    z, r = sigmoid(p_z + q_z), sigmoid(p_r + q_r)
    return ((1 - z) * h + z * np.tanh(p_n + from_state(1, r * h, 1)[0]),)


@pytest.mark.parametrize("name", ALL)
def test_a_sequence_follows_the_equations(name, x64):
    (cell,) = model_of(name).layers
    x = np.random.default_rng(1).normal(size=(TIME, BATCH, INPUT))
    state = (np.zeros((BATCH, HIDDEN)),) * cell.state_arrays
    start = tuple(jnp.array(array) for array in state)
    outputs, last = unroll(cell, jnp.array(x), start, Implementation.PLAIN)
    for t in range(TIME):
        state = reference_step(name, cell, x[t], state)
        np.testing.assert_allclose(outputs[t], state[0], rtol=1e-11, atol=1e-13)
    for found, expected in zip(last, state, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["gru_reset_after", "lstm"])
def test_gradients_are_those_of_finite_differences(name, x64):
    model = model_of(name, layers=2, bidirectional=True)
    graph, parameters = nnx.split(model)
    leaves, tree = jax.tree.flatten(parameters)
    random = np.random.default_rng(0)
    direction = jax.tree.unflatten(tree, [jnp.array(random.normal(size=p.shape)) for p in leaves])
    x = jnp.array(random.normal(size=(TIME, BATCH, INPUT)))

    @jax.jit
    def loss(step):
        moved = jax.tree.map(lambda p, d: p + step * d, parameters, direction)
        hidden = nnx.merge(graph, moved).hidden_states(x, jnp.array([TIME, 2]))
        return jnp.square(hidden[:2]).sum()

    step = 1e-5
    numerical = (loss(step) - loss(-step)) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(0.0), numerical, rtol=1e-6)


def test_rows_are_normalised_in_single_precision_whatever_the_type():
    a = 100 + jax.random.normal(jax.random.key(0), (3, 8))
    found = normalised(a.astype(jnp.bfloat16), (8,), jnp.ones(8))
    assert found.dtype == jnp.bfloat16
    expected = ln(np.asarray(a.astype(jnp.bfloat16), np.float64))
    np.testing.assert_allclose(np.asarray(found, np.float64), expected, atol=0.02)


@pytest.mark.parametrize("name", ALL)
def test_formulas_count_its_parameters_and_operations(name):
    config = ModelConfig(name, INPUT, 1, HIDDEN, layer_norm=True)
    cell = nnx.eval_shape(lambda: make_cell(config, INPUT, nnx.Rngs(0)))
    assert cell_parameters(name, INPUT, HIDDEN, layer_norm=True) == count_parameters(cell)

    def operations(layer_norm):
        """As XLA counts those of a step, with units enough for what is done once a product."""
        config = ModelConfig(name, INPUT, 1, 256, layer_norm=layer_norm)
        layer = nnx.eval_shape(lambda: make_cell(config, INPUT, nnx.Rngs(0)))
        graph, params = nnx.split(layer)

        def step(params, x, state):
            cell = nnx.merge(graph, params)
            return cell.step(state, cell.project(x), plain_dot(cell))

        state = (jax.ShapeDtypeStruct((1, 256), jnp.float32),) * layer.state_arrays
        x = jax.ShapeDtypeStruct((1, INPUT), jnp.float32)
        count = jax.jit(step).lower(params, x, state).cost_analysis()
        return count["flops"] + count["transcendentals"]

    formula = cell_flops(name, INPUT, 256, True) - cell_flops(name, INPUT, 256)
    assert formula == pytest.approx(operations(True) - operations(False), rel=0.01)


@pytest.mark.parametrize(
    ("name", "parameters"), [("gru", 72 + 6 * 3), ("lstm", 96 + 8 * 3 + 2 * 3), ("rnn", 24 + 6)]
)
def test_parameters_worked_by_hand(name, parameters):
    """Of I=4, H=3: k H (I + H + 1), 2 k H gains, and 2 H more for a memory."""
    assert cell_parameters(name, 4, 3, layer_norm=True) == parameters


def test_it_starts_as_the_cell_does_with_gains_of_one():
    config = ModelConfig("lstm", INPUT, 1, HIDDEN, keep=0.9, layer_norm=True)
    cell = make_cell(config, INPUT, nnx.Rngs(0))
    assert isinstance(cell, LayerNormalised)
    np.testing.assert_array_equal(cell.gain_ih[...], 1)
    np.testing.assert_array_equal(cell.gain_c[...], 1)
    gates = cell.gates(
        cell.zero_state(1, jnp.float32), cell.project(jnp.zeros((1, INPUT))), plain_dot(cell)
    )
    np.testing.assert_allclose(gates["f"], 0.9, rtol=1e-6)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_stream_gives_what_the_whole_sequence_gives(name):
    model = model_of(name, layers=2)
    inputs = jax.random.normal(jax.random.key(0), (TIME, BATCH, INPUT))
    stream = start_stream(model, BATCH)
    for x in inputs:
        stream, outputs = stream_step(model, stream, x)
    np.testing.assert_allclose(outputs, model(inputs, jnp.full(BATCH, TIME)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_onnx_has_a_loop_of_its_equations(name):
    trained = random_trained(name, layer_norm=True, recurrence="plain")
    assert sequence_difference(trained, onnx_call(sequence_model(trained))) < 1e-5


@pytest.mark.parametrize("implementation", ["scan", "fused", "cudnn"])
def test_no_fast_way_computes_it(implementation):
    (cell,) = model_of("lstm").layers
    x = jnp.zeros((TIME, BATCH, INPUT))
    with pytest.raises(ValueError, match="has neither a mask nor layer normalisation"):
        unroll(cell, x, cell.zero_state(BATCH, x.dtype), Implementation(implementation))


def test_a_cell_is_normalised_in_one_class():
    assert layer_normalised(BUILT_IN["gru"]) is layer_normalised(BUILT_IN["gru"])
    assert layer_normalised(BUILT_IN["gru"]).__name__ == "LayerNormalisedGRU"
