"""The cells against NumPy, PyTorch and Flax, and how they are initialised."""

import functools
from dataclasses import dataclass

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from helpers.reference import (
    BLOCKS,
    CELLS,
    named,
    random_cell,
    random_sequence,
    reference_step,
    reference_unroll,
    sigmoid,
)
from helpers.torch_layers import TORCH, torch_layer

from gru_bench.cells.base import chrono_bias, orthogonal_blocks
from gru_bench.model.model import ModelConfig, make_cell
from gru_bench.recurrence.scan import unroll

# time, batch, input, hidden
SHAPES = [(1, 1, 1, 1), (7, 3, 1, 2), (5, 2, 3, 4)]


def probed(result, probe):
    """One number made of all outputs and of the last state, with the weights of the probe."""
    outputs, state = result
    of_outputs, of_state = probe
    return (outputs * of_outputs).sum() + sum(
        (a * weight).sum() for a, weight in zip(state, of_state, strict=True)
    )


@dataclass(frozen=True)
class Case:
    """A random cell, what it was run on, and in NumPy what came out, gradients included."""

    parameters: dict
    x: np.ndarray
    state: tuple
    probe: tuple
    outputs: np.ndarray
    last: tuple
    of_parameters: dict
    of_x: np.ndarray
    of_state: tuple


@functools.cache
def run_case(name, shape):
    """Runs a cell in double precision, by the program's own loop."""
    time, batch, input_size, hidden_size = shape
    cell = random_cell(name, input_size, hidden_size)
    x, state = random_sequence(cell, time, batch, input_size)
    random = np.random.default_rng(2)
    probe = (
        random.normal(size=(time, batch, hidden_size)),
        random.normal(size=(cell.state_arrays, batch, hidden_size)),
    )
    graph, parameters = nnx.split(cell)

    def loss(parameters, x, state):
        result = unroll(nnx.merge(graph, parameters), x, state)
        return probed(result, probe), result

    gradient = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
    (of_parameters, of_x, of_state), result = gradient(parameters, x, state)
    assert of_x.dtype == jnp.float64
    return Case(  # type: ignore[call-arg] # how many arrays a * passes on is not seen
        named(name, cell),
        *jax.tree.map(np.array, (x, state)),
        probe,
        *jax.tree.map(np.array, result),
        named(name, nnx.merge(graph, of_parameters)),
        *jax.tree.map(np.array, (of_x, of_state)),
    )


def central_differences(function, array, step=1e-6):
    """The gradient of a function of no argument with respect to an array that it reads."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        array[index] = value + step
        above = function()
        array[index] = value - step
        below = function()
        array[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_equal_the_numpy_reference(name, shape, x64):
    case = run_case(name, shape)
    p = {key: value.copy() for key, value in case.parameters.items()}
    x, state = case.x.copy(), tuple(a.copy() for a in case.state)
    assert all(np.abs(value).min() > 0 for value in p.values())  # no bias is left at zero

    outputs, last = reference_unroll(name, p, x, state)
    np.testing.assert_allclose(case.outputs, outputs, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(case.last, last, rtol=1e-12, atol=1e-13)

    def close(found, array):
        expected = central_differences(
            lambda: probed(reference_unroll(name, p, x, state), case.probe), array
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)

    assert case.of_parameters.keys() == p.keys()
    for key, value in p.items():
        close(case.of_parameters[key], value)
    close(case.of_x, x)
    for found, array in zip(case.of_state, state, strict=True):
        close(found, array)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", TORCH)
def test_values_and_gradients_equal_torch(name, shape, x64):
    case = run_case(name, shape)
    layer = torch_layer(name, case.parameters)
    x = torch.tensor(case.x, requires_grad=True)
    state = [torch.tensor(a[None], requires_grad=True) for a in case.state]
    outputs, last = layer(x, tuple(state) if name == "lstm" else state[0])
    last = last if name == "lstm" else (last,)
    probed((outputs, last), [torch.tensor(a) for a in case.probe]).backward()

    def close(found, expected):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-10, atol=1e-12)

    close(case.outputs, outputs)
    close(case.of_x, x.grad)
    for i, initial in enumerate(state):
        close(case.last[i], last[i][0])
        close(case.of_state[i], initial.grad[0])
    gates = TORCH[name][1]
    for i, gate in enumerate(gates):
        close(case.of_parameters["W" + gate], layer.weight_ih_l0.grad.chunk(len(gates))[i].T)
        close(case.of_parameters["U" + gate], layer.weight_hh_l0.grad.chunk(len(gates))[i].T)
        close(case.of_parameters["b" + gate], layer.bias_ih_l0.grad.chunk(len(gates))[i])
    if name == "gru_reset_after":
        close(case.of_parameters["bhn"], layer.bias_hh_l0.grad.chunk(3)[2])


def flax_gru(p):
    """Linen's cell, the one of Flax's that has a bias inside the reset product."""
    parameters = {f"i{gate}": {"kernel": p["W" + gate], "bias": p["b" + gate]} for gate in "rzn"}
    parameters |= {f"h{gate}": {"kernel": p["U" + gate]} for gate in "rzn"}
    parameters["hn"]["bias"] = p["bhn"]
    cell = linen.GRUCell(p["Un"].shape[0], dtype=jnp.float64, param_dtype=jnp.float64)
    return lambda state, x: (cell.apply({"params": parameters}, state[0], x)[0],)


def flax_lstm(p):
    cell = nnx.LSTMCell(
        *p["Wi"].shape, dtype=jnp.float64, param_dtype=jnp.float64, rngs=nnx.Rngs(0)
    )
    for gate, of_input, of_state in (
        ("i", cell.ii, cell.hi),
        ("f", cell.if_, cell.hf),
        ("g", cell.ig, cell.hg),
        ("o", cell.io, cell.ho),
    ):
        of_input.kernel[...] = jnp.array(p["W" + gate])
        of_state.kernel[...] = jnp.array(p["U" + gate])
        of_state.bias[...] = jnp.array(p["b" + gate])
    return lambda state, x: cell(state[::-1], x)[0][::-1]


def flax_optimized_lstm(p):
    cell = nnx.OptimizedLSTMCell(
        *p["Wi"].shape, dtype=jnp.float64, param_dtype=jnp.float64, rngs=nnx.Rngs(0)
    )
    cell.dense_i.kernel[...] = jnp.concatenate([p["W" + gate] for gate in "ifgo"], axis=1)
    cell.dense_h.kernel[...] = jnp.concatenate([p["U" + gate] for gate in "ifgo"], axis=1)
    cell.dense_h.bias[...] = jnp.concatenate([p["b" + gate] for gate in "ifgo"])
    return lambda state, x: cell(state[::-1], x)[0][::-1]


def flax_rnn(p):
    cell = nnx.SimpleCell(
        *p["Wn"].shape, dtype=jnp.float64, param_dtype=jnp.float64, rngs=nnx.Rngs(0)
    )
    cell.dense_i.kernel[...] = jnp.array(p["Wn"])
    cell.dense_i.bias[...] = jnp.array(p["bn"])
    cell.dense_h.kernel[...] = jnp.array(p["Un"])
    return lambda state, x: (cell(state[0], x)[0],)


FLAX = {
    "linen.GRUCell": ("gru_reset_after", flax_gru),
    "nnx.LSTMCell": ("lstm", flax_lstm),
    "nnx.OptimizedLSTMCell": ("lstm", flax_optimized_lstm),
    "nnx.SimpleCell": ("rnn", flax_rnn),
}


@pytest.mark.parametrize("flax_name", FLAX)
def test_values_and_gradients_equal_flax(flax_name, x64):
    name, make_step = FLAX[flax_name]
    case = run_case(name, (5, 2, 3, 4))
    step = make_step(case.parameters)

    def loss(x, state):
        outputs = []
        for x_t in x:
            state = step(state, x_t)
            outputs.append(state[0])
        result = jnp.stack(outputs), state
        return probed(result, case.probe), result

    gradient, result = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(case.x, case.state)
    for found, expected in (
        (case.outputs, result[0]),
        (case.last, result[1]),
        (case.of_x, gradient[0]),
        (case.of_state, gradient[1]),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "bias", "keeps"),
    [
        ("gru", 40.0, False),
        ("gru", -40.0, True),
        ("gru_reset_after", 40.0, True),
        ("gru_reset_after", -40.0, False),
    ],
)
def test_the_two_conventions_of_the_update_gate_are_opposite(name, bias, keeps, x64):
    cell = random_cell(name, 3, 4)
    cell.set_bias(BLOCKS[name].index("z"), bias)
    x, (h,) = random_sequence(cell, 1, 2, 3)
    p = named(name, cell)
    r = sigmoid(x[0] @ p["Wr"] + h @ p["Ur"] + p["br"][None])
    if name == "gru":
        candidate = np.tanh(x[0] @ p["Wn"] + (r * h) @ p["Un"] + p["bn"][None])
    else:
        candidate = np.tanh(x[0] @ p["Wn"] + p["bn"][None] + r * (h @ p["Un"] + p["bhn"][None]))
    assert np.abs(candidate - h).min() > 1e-3
    outputs, _ = unroll(cell, x, (h,))
    np.testing.assert_allclose(outputs[0], h if keeps else candidate, rtol=0, atol=1e-14)


def test_the_two_grus_differ_in_more_than_the_sign_of_z(x64):
    """With z turned round and no inner bias, only the place of the reset is left."""
    p = named("gru", random_cell("gru", 3, 4))
    other = {**p, "bhn": np.zeros(4)} | {kind + "z": -p[kind + "z"] for kind in "WUb"}
    x, (h,) = random_sequence(random_cell("gru", 3, 4), 1, 2, 3)
    x, h = np.array(x[0]), np.array(h)
    (before,) = reference_step("gru", p, x, (h,))
    (after,) = reference_step("gru_reset_after", other, x, (h,))
    assert np.abs(before - after).max() > 1e-3
    shut = {"br": np.full(4, 40.0)}  # the reset gate lets everything through
    (before,) = reference_step("gru", p | shut, x, (h,))
    (after,) = reference_step("gru_reset_after", other | shut, x, (h,))
    np.testing.assert_allclose(before, after, rtol=1e-12)


# Initialisation


@functools.cache
def initialised(name, input_size=6, hidden_size=32, seed=0, **options):
    """Parameters at the start, by gate."""
    config = ModelConfig(name, input_size, 1, hidden_size, **options)
    return named(name, make_cell(config, input_size, nnx.Rngs(seed)))


@pytest.mark.parametrize("hidden_size", [1, 32])
@pytest.mark.parametrize("name", CELLS)
def test_each_recurrent_block_is_orthogonal_on_its_own(name, hidden_size):
    p = initialised(name, hidden_size=hidden_size)
    blocks = [p["U" + gate] for gate in BLOCKS[name]]
    for block in blocks:
        np.testing.assert_allclose(block.T @ block, np.eye(hidden_size), atol=2e-6)
        np.testing.assert_allclose(np.linalg.norm(block), np.sqrt(hidden_size), rtol=1e-6)
    if hidden_size > 1:
        for first in range(len(blocks)):
            for second in range(first):
                assert np.abs(blocks[first] - blocks[second]).max() > 0.1


def test_orthogonal_blocks_are_drawn_one_by_one():
    key = jax.random.key(4)
    one, other = jax.random.split(key)
    expected = [jax.nn.initializers.orthogonal()(k, (7, 7)) for k in (one, other)]
    np.testing.assert_array_equal(orthogonal_blocks(key, 7, 2), np.concatenate(expected, axis=1))


@pytest.mark.parametrize("name", CELLS)
def test_input_weights_of_every_gate_have_the_scale_of_the_input_size(name):
    p = initialised(name, input_size=50)
    for gate in BLOCKS[name]:
        np.testing.assert_allclose(p["W" + gate].std(), 50**-0.5, rtol=0.06)
        np.testing.assert_allclose(p["W" + gate].mean(), 0, atol=4 / (50 * 32**0.5))


@pytest.mark.parametrize("name", CELLS)
def test_biases_are_zero_but_for_the_forget_gate(name):
    for key, value in initialised(name).items():
        if key.startswith("b"):
            np.testing.assert_array_equal(value, 1 if (name, key) == ("lstm", "bf") else 0)


def test_the_forget_bias_may_be_another():
    np.testing.assert_array_equal(initialised("lstm", forget_bias=1.5)["bf"], 1.5)


@pytest.mark.parametrize("name", CELLS)
def test_seeds_give_different_weights_and_the_same_seed_the_same(name):
    first, again, other = (initialised(name, seed=seed) for seed in (0, 0, 1))
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
        if not key.startswith("b"):
            assert np.abs(first[key] - other[key]).max() > 0.1


@pytest.mark.parametrize("longest", [3, 50, 1000])
def test_chrono_biases_spread_over_all_lags(longest):
    lags = np.exp(np.array(chrono_bias(jax.random.key(0), 20_000, longest), np.float64))
    assert lags.min() >= 1 - 1e-6
    assert lags.max() <= (longest - 1) * (1 + 1e-6)
    width = longest - 2
    np.testing.assert_allclose(lags.mean(), longest / 2, atol=4 * width / 12**0.5 / 20_000**0.5)
    np.testing.assert_allclose(np.quantile(lags, 0.25), 1 + width / 4, atol=0.02 * width)


@pytest.mark.parametrize("name", ["gru", "gru_reset_after", "lstm"])
def test_chrono_initialisation_sets_the_gate_that_keeps(name):
    longest = 100
    p = initialised(name, chrono_length=longest)
    plain = initialised(name)
    keep = {"gru": -p.get("bz", 0), "gru_reset_after": p.get("bz"), "lstm": p.get("bf")}[name]
    assert keep.min() >= 0
    assert keep.max() <= np.log(longest - 1) + 1e-6
    assert np.unique(keep).size == keep.size
    touched = {"bz"}
    if name == "lstm":
        np.testing.assert_array_equal(p["bi"], -p["bf"])
        touched = {"bi", "bf"}
    for key in plain.keys() - touched:
        np.testing.assert_array_equal(p[key], plain[key], err_msg=key)


def test_chrono_initialisation_leaves_a_cell_without_gates_as_it_is():
    plain, chrono = initialised("rnn"), initialised("rnn", chrono_length=100)
    for key in plain:
        np.testing.assert_array_equal(chrono[key], plain[key])


@pytest.mark.parametrize("name", ["gru", "gru_reset_after", "lstm"])
def test_remember_sets_the_share_of_the_state_that_is_kept(name, x64):
    """At a zero input, and with nothing fed back, the state shrinks by sigmoid(keep) a step."""
    hidden_size = 5
    cell = random_cell(name, 3, hidden_size)
    cell.bias[...] = jnp.zeros_like(cell.bias[...])
    for weight in cell.weights_hh:
        weight[...] = jnp.zeros_like(weight[...])
    keep = jnp.linspace(-2.0, 5.0, hidden_size)
    cell.remember(keep)
    memory = cell.state_arrays - 1  # what is kept: h, or the LSTM's c

    def after_a_step(value):
        state = [jnp.zeros((1, hidden_size))] * cell.state_arrays
        state[memory] = value[None]
        return unroll(cell, jnp.zeros((1, 1, 3)), tuple(state))[1][memory][0]

    share = jax.jit(jax.jacobian(after_a_step))(jnp.full(hidden_size, 0.3))
    np.testing.assert_allclose(share, np.diag(sigmoid(np.array(keep))), rtol=1e-12, atol=1e-15)
