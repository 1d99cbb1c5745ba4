"""Gradients through time, gates and longer sequences, against what is worked out another way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.models import random_model
from helpers.reference import (
    BLOCKS,
    CELLS,
    named,
    random_cell,
    random_sequence,
    reference_step,
    sigmoid,
)

from gru_bench.analysis.gates import HISTOGRAM_BINS, gate_limits, gate_statistics
from gru_bench.analysis.gradients import gradient_flow
from gru_bench.model.model import make_model, read_out
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import Batch, Task
from gru_bench.tasks.counting import CountingTask

GATED = ("gru", "gru_reset_after", "lstm")

flow_of = jax.jit(gradient_flow)


def adding_batch(lengths, weights=None, steps=None, seed=0):
    """Sequences of the adding task's form, with random features, padded with large numbers."""
    random = np.random.default_rng(seed)
    lengths = np.array(lengths)
    inputs = random.normal(size=(steps or lengths.max(), len(lengths), 2))
    inputs[np.arange(len(inputs))[:, None] >= lengths] = 1e3
    return Batch(
        inputs=jnp.array(inputs),
        targets=jnp.array(random.normal(size=len(lengths))),
        lengths=jnp.array(lengths),
        weights=jnp.ones(len(lengths)) if weights is None else jnp.array(weights),
    )


def one_sequence(batch, b):
    """Sequence b of a batch, cut to its length."""
    length = int(batch.lengths[b])
    return Batch(
        inputs=batch.inputs[:length, b : b + 1],
        targets=batch.targets[..., b : b + 1],
        lengths=batch.lengths[b : b + 1],
        weights=jnp.ones(1),
    )


def hand_set(name, hidden_size=4, **biases):
    """A model of zero weights whose gates are decided by the given biases."""
    model = jax.tree.map(jnp.zeros_like, random_model(name, hidden_size=hidden_size))
    for gate, bias in biases.items():
        model.layers[0].set_bias(BLOCKS[name].index(gate), bias)
    return model


# Gradients


def jacobian(function, a, step=1e-6):
    """Central differences of a function of one array: `[*values, *a]`."""
    columns = []
    for i in range(a.size):
        nudge = np.zeros(a.size)
        nudge[i] = step
        nudge = nudge.reshape(a.shape)
        columns.append((function(a + nudge) - function(a - nudge)) / (2 * step))
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *a.shape)


def reference_states(model, inputs, nudges):
    """States of one sequence `[time, layers, arrays, hidden]` by the NumPy reference."""
    name = model.config.cell
    parameters = [named(name, cell) for cell in model.layers]
    states = [np.zeros(nudges.shape[1:])]
    for x, nudge in zip(np.array(inputs[:, 0]), nudges, strict=True):
        new = []
        for p, state, layer_nudge in zip(parameters, states[-1], nudge, strict=True):
            new.append(np.stack(reference_step(name, p, x, tuple(state))) + layer_nudge)
            x = new[-1][0]
        states.append(np.stack(new))
    return np.stack(states[1:])


def gradient_at_the_loss(model, task, batch, outputs):
    """With respect to the last output of one sequence."""

    def loss(last):
        hidden = jnp.stack([*jnp.array(outputs[:-1]), last])[:, None]
        hidden = read_out(hidden, batch.lengths, model.config.readout)
        return task.tally(model.head(hidden.astype(jnp.float32)), batch)["loss"]

    return np.array(jax.grad(loss)(jnp.array(outputs[-1])))


def no_nudges(model, steps):
    config = model.config
    return np.zeros((steps, config.layers, model.layers[0].state_arrays, config.hidden_size))


@pytest.mark.parametrize("readout", ["last", "mean", "max", "every"])
@pytest.mark.parametrize("name", CELLS)
def test_gradient_flow_is_the_product_of_the_jacobians(name, readout, x64):
    if readout == "every":
        task: Task = CountingTask(max_n=3, test_max_n=12, batch_size=1)
        batch = task.batch((jnp.array([3]), jnp.ones(1), jnp.arange(7)))
        model = random_model(name, 3, 3, readout=readout)
    else:
        task, batch = AddingTask(length=7, batch_size=1), adding_batch([7])
        model = random_model(name, readout=readout)
    p = named(name, model.layers[0])
    states = reference_states(model, batch.inputs, no_nudges(model, 7))[:, 0]

    gradient = np.zeros(states.shape[1:])
    gradient[0] = gradient_at_the_loss(model, task, batch, states[:, 0])
    of_state = []
    for x, before in zip(np.array(batch.inputs[::-1, 0]), [*states[-2::-1], None], strict=True):
        of_state.append(np.linalg.norm(gradient))
        if before is not None:
            matrix = jacobian(lambda s, x=x: np.stack(reference_step(name, p, x, tuple(s))), before)
            gradient = np.tensordot(gradient, matrix, 2)

    flow = flow_of(model, task, batch)
    assert min(of_state) > 1e-6
    np.testing.assert_allclose(flow, of_state, rtol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_gradient_flow_reaches_the_states_of_all_layers(name, x64):
    task, batch = AddingTask(length=5, batch_size=1), adding_batch([5])
    model = random_model(name, layers=2)
    nudges = no_nudges(model, 5)
    states = reference_states(model, batch.inputs, nudges)
    effects = jacobian(lambda n: reference_states(model, batch.inputs, n)[-1, -1, 0], nudges)
    last = gradient_at_the_loss(model, task, batch, states[:, -1, 0])
    gradients = np.tensordot(last, effects, 1)[::-1]
    flow = flow_of(model, task, batch)
    of_state = np.linalg.norm(gradients.reshape(5, -1), axis=1)
    np.testing.assert_allclose(flow, of_state, rtol=1e-6)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", GATED)
def test_the_direct_part_is_the_product_of_what_the_last_layer_keeps(name, layers, x64):
    task, batch = AddingTask(length=7, batch_size=1), adding_batch([7])
    model = random_model(name, layers=layers)
    of_layers = reference_states(model, batch.inputs, no_nudges(model, 7))
    inputs = np.array(batch.inputs[:, 0]) if layers == 1 else of_layers[:, 0, 0]
    p, states = named(name, model.layers[-1]), of_layers[:, -1]
    gates = [
        reference_gates(name, p, x, before)
        for x, before in zip(inputs, [np.zeros_like(states[0]), *states[:-1]], strict=True)
    ]

    gradient = gradient_at_the_loss(model, task, batch, states[:, 0])
    expected = [np.linalg.norm(gradient)]
    if name == "lstm":  # from the output to the memory, which alone is kept
        gradient = gradient * gates[-1]["output"] * (1 - np.tanh(states[-1, 1]) ** 2)
    for gate in gates[:0:-1]:
        gradient = gradient * gate["kept"]
        expected.append(np.linalg.norm(gradient))
    flow, whole = (flow_of(model, task, batch, direct) for direct in (True, False))
    np.testing.assert_allclose(flow, expected, rtol=1e-9)
    assert not np.allclose(flow[1:], whole[1:], rtol=0.05)
    assert np.isclose(whole[0], flow[0]) == (layers == 1)


def test_no_gradient_is_direct_in_a_plain_rnn_and_all_is_where_gates_do_not_read_the_state(x64):
    task, batch = AddingTask(length=5, batch_size=1), adding_batch([5])
    plain, minimal = random_model("rnn"), random_model("mingru")
    assert np.array_equal(flow_of(plain, task, batch, True) > 0, [True, *[False] * 4])
    whole = flow_of(minimal, task, batch, False)
    np.testing.assert_allclose(flow_of(minimal, task, batch, True), whole, rtol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_gradient_flow_of_a_batch_is_the_mean_over_sequences_that_are_long_enough(name, x64):
    task, model = AddingTask(length=9, batch_size=4), random_model(name)
    batch = adding_batch([5, 2, 7, 6], weights=[1.0, 1.0, 1.0, 0.0], steps=9)
    flow = flow_of(model, task, batch)
    alone = [flow_of(model, task, one_sequence(batch, b)) for b in range(3)]
    padded = np.full((3, 9), np.nan)
    for row, norms in zip(padded, alone, strict=True):
        row[: len(norms)] = norms
    np.testing.assert_allclose(flow[:7], np.nanmean(padded[:, :7], axis=0), rtol=1e-12)
    assert np.isnan(flow[7:]).all()


def test_gradient_flow_of_a_population_is_that_of_each_model():
    task, batch = AddingTask(length=5, batch_size=2), adding_batch([5, 5])
    models = [random_model("lstm", seed=seed) for seed in (0, 1)]
    parameters = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(nnx.state(m) for m in models))
    population = make_model(models[0].config, parameters)
    flows = jax.jit(jax.vmap(gradient_flow, (0, None, None)))(population, task, batch)
    for found, model in zip(flows, models, strict=True):
        np.testing.assert_allclose(found, flow_of(model, task, batch), rtol=1e-5)


def test_a_vanishing_gradient_is_followed_beyond_the_underflow_of_its_square():
    model = hand_set("rnn")
    model.layers[0].weights_hh[0][...] = 0.1 * jnp.eye(4)
    model.head.kernel[...] = jnp.ones((4, 1))
    batch = adding_batch([36])
    flow = flow_of(model, AddingTask(length=36, batch_size=1), batch)
    np.testing.assert_allclose(flow / flow[0], 0.1 ** np.arange(36), rtol=1e-4)


# Gates


@pytest.mark.parametrize(
    ("name", "biases", "expected"),
    [
        ("gru", {"z": 0.77, "r": 0.32}, {"kept": 0.23, "reset": 0.32}),
        ("gru_reset_after", {"z": 0.77, "r": 0.32}, {"kept": 0.77, "reset": 0.32}),
        (
            "lstm",
            {"f": 0.93, "i": 0.12, "o": 0.57},
            {"kept": 0.93, "input": 0.12, "output": 0.57},
        ),
        ("rnn", {}, {}),
    ],
)
def test_gates_held_open_by_their_biases_alone(name, biases, expected):
    logits = {gate: float(np.log(share / (1 - share))) for gate, share in biases.items()}
    model = hand_set(name, **logits)
    (layer,) = jax.jit(gate_statistics)(model, adding_batch([5, 3, 1]))
    assert layer.keys() == expected.keys()
    for gate, share in expected.items():
        np.testing.assert_allclose(layer[gate].by_step, np.full(5, share), rtol=1e-6)
        np.testing.assert_allclose(layer[gate].by_unit, np.full(4, share), rtol=1e-6)
        histogram = np.zeros(HISTOGRAM_BINS)
        histogram[int(share * HISTOGRAM_BINS)] = 1
        np.testing.assert_allclose(layer[gate].histogram, histogram)


def reference_gates(name, p, x, state):
    """Openness of the gates by the equations of the literature."""
    h = state[0]
    gate = {
        g: sigmoid(x @ p["W" + g] + h @ p["U" + g] + p["b" + g]) for g in "zrifo" if "b" + g in p
    }
    if name == "lstm":
        return {"kept": gate["f"], "input": gate["i"], "output": gate["o"]}
    kept = gate["z"] if name == "gru_reset_after" else 1 - gate["z"]
    return {"kept": kept, "reset": gate["r"]}


@pytest.mark.parametrize("name", GATED)
def test_gate_statistics_are_those_of_the_real_steps(name, x64):
    model, batch = random_model(name, layers=2), adding_batch([4, 2, 3], [1.0, 1.0, 0.0], steps=5)
    parameters = [named(name, cell) for cell in model.layers]
    values = [{}, {}]
    for b in (0, 1):
        states = [tuple(np.zeros((model.layers[0].state_arrays, 3)))] * 2
        for t in range(batch.lengths[b]):
            x = np.array(batch.inputs[t, b])
            for layer, p in enumerate(parameters):
                for gate, value in reference_gates(name, p, x, states[layer]).items():
                    values[layer].setdefault(gate, {})[b, t] = value
                states[layer] = reference_step(name, p, x, states[layer])
                x = states[layer][0]
    for found, expected in zip(jax.jit(gate_statistics)(model, batch), values, strict=True):
        assert found.keys() == expected.keys()
        for gate, by_place in expected.items():
            every = np.stack(list(by_place.values()))
            by_step = [np.mean([v for (_, s), v in by_place.items() if s == t]) for t in range(4)]
            np.testing.assert_allclose(found[gate].by_step[:4], by_step, rtol=1e-6)
            assert np.isnan(found[gate].by_step[4])
            np.testing.assert_allclose(found[gate].by_unit, every.mean(0), rtol=1e-6)
            counts, _ = np.histogram(every, HISTOGRAM_BINS, range=(0, 1))
            np.testing.assert_allclose(found[gate].histogram, counts / every.size, rtol=1e-6)


# The ends of the gates


def limits(name):
    cell = random_cell(name, 2, 5)
    x, state = random_sequence(cell, 1, 3, 2)
    _, other = random_sequence(cell, 1, 3, 2, seed=7)
    before = named(name, cell)
    found = gate_limits(cell, x[0], state, other)
    for key, value in named(name, cell).items():
        np.testing.assert_array_equal(value, before[key])
    return found


@pytest.mark.parametrize(("name", "z_kept"), [("gru", 0.0), ("gru_reset_after", 1.0)])
def test_the_update_gate_at_its_ends_keeps_and_replaces_under_either_convention(name, z_kept):
    found = limits(name)
    assert found.kept == found.replaced == 0.0
    assert (found.z_kept, found.z_replaced) == (z_kept, 1 - z_kept)


@pytest.mark.parametrize("name", ["gru", "gru_reset_after"])
def test_the_candidate_forgets_history_where_the_reset_gate_is_shut(name):
    found = limits(name)
    assert found.reset_shut == 0.0
    assert found.reset_open > 0.1


def test_an_lstm_keeps_and_replaces_its_memory():
    found = limits("lstm")
    assert found.kept == found.replaced == 0.0
    assert found.z_kept is found.z_replaced is found.reset_shut is found.reset_open is None


def test_a_plain_rnn_has_no_gates_to_drive():
    assert limits("rnn") is None
