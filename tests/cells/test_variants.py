"""The cells without a gate: against NumPy and autodiff, counted, streamed and looked into."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.models import random_model
from helpers.plain_recurrence import assert_same, value_and_gradients
from helpers.reference import (
    BLOCKS,
    VARIANTS,
    named,
    random_cell,
    random_sequence,
    reference_unroll,
)
from helpers.xla import xla_operations

from gru_bench.analysis.gates import gate_limits
from gru_bench.cells.builtin import CELLS
from gru_bench.config.cell import BUILT_IN, LAYERS, MAIN_CELLS, OUTSIDE
from gru_bench.model.counts import cell_flops, cell_parameters
from gru_bench.model.model import count_parameters
from gru_bench.model.streaming import start_stream, stream_step
from gru_bench.recurrence.plain import plain_dot, plain_unroll
from gru_bench.recurrence.scan import unroll

INPUT, HIDDEN = 3, 4


def test_every_declared_cell_has_equations_and_a_variant_is_one_of_a_main_cell():
    assert tuple(CELLS) == tuple(BUILT_IN)
    assert (*BUILT_IN, *LAYERS) == (*MAIN_CELLS, *VARIANTS, *OUTSIDE)
    assert {BUILT_IN[name].variant_of for name in VARIANTS} == {"gru", "lstm"}


@pytest.mark.parametrize("name", VARIANTS)
def test_values_equal_the_numpy_reference_and_gradients_autodiff(name, x64):
    """In float64, with biases that are not zero."""
    cell = random_cell(name, INPUT, HIDDEN)
    x, state = random_sequence(cell, 5, 2, INPUT)
    p = named(name, cell)
    assert p.keys() == {kind + gate for kind in "WUb" for gate in BLOCKS[name]}
    assert all(np.abs(value).min() > 0 for value in p.values())

    found = value_and_gradients(unroll, cell, x, state)
    outputs, last = reference_unroll(name, p, np.array(x), tuple(map(np.array, state)))
    np.testing.assert_allclose(found[1][0], outputs, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found[1][1], last, rtol=1e-12, atol=1e-13)
    plain = value_and_gradients(plain_unroll, cell, x, state)
    assert_same(found, plain, rtol=1e-10, atol=1e-12)
    assert all(jnp.abs(gradient).max() > 0 for gradient in jax.tree.leaves(found[0]))


@pytest.mark.parametrize("name", VARIANTS)
def test_parameters_and_operations_are_counted_exactly(name):
    maps = {"gru_no_reset": 2, "gru_no_update": 2, "lstm_no_output": 3, "lstm_coupled": 3}[name]
    parameters = cell_parameters(name, INPUT, HIDDEN)
    assert parameters == maps * (INPUT * HIDDEN + HIDDEN * HIDDEN + HIDDEN)
    assert parameters == count_parameters(random_cell(name, INPUT, HIDDEN))
    sigmoids = {"gru_no_reset": 1, "gru_no_update": 1, "lstm_no_output": 2, "lstm_coupled": 2}
    # XLA counts four operations a sigmoid.
    counted = xla_operations(name, INPUT, HIDDEN) - 3 * sigmoids[name] * HIDDEN
    assert cell_flops(name, INPUT, HIDDEN) == counted


@pytest.mark.parametrize("name", VARIANTS)
def test_a_stream_gives_what_the_whole_sequence_gives(name, x64):
    model = random_model(name)
    x = jnp.array(np.random.default_rng(0).normal(size=(4, 1, 2)))
    stream = start_stream(model)
    for step in x:
        stream, outputs = stream_step(model, stream, step)
    np.testing.assert_allclose(outputs, model(x, jnp.array([4])), rtol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_openness_says_what_each_gate_does(name, x64):
    """The share of the memory that is kept is its derivative, the gates held fixed."""
    cell = random_cell(name, INPUT, HIDDEN)
    x, state = random_sequence(cell, 1, 2, INPUT)
    gates = cell.gates(state, cell.project(x[0]), plain_dot(cell, x.dtype))
    openness = cell.openness(gates)
    expected = {
        "gru_no_reset": {"kept"},
        "gru_no_update": {"reset"},
        "lstm_no_output": {"kept", "input"},
        "lstm_coupled": {"kept", "input", "output"},
    }[name]
    assert set(openness) == expected
    kept = jax.grad(lambda m: cell.next_state((*state[:-1], m), gates)[-1].sum())(state[-1])
    np.testing.assert_allclose(kept, openness.get("kept", jnp.zeros_like(kept)), rtol=1e-12)
    if name == "lstm_coupled":
        np.testing.assert_allclose(openness["kept"] + openness["input"], 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", VARIANTS)
def test_gates_at_their_ends_keep_and_replace_the_memory(name, x64):
    cell = random_cell(name, INPUT, HIDDEN)
    x, state = random_sequence(cell, 1, 2, INPUT)
    ends = gate_limits(cell, x[0], state, tuple(2 * array for array in state))
    if name == "gru_no_update":
        assert ends is None
        return
    assert ends.kept < 1e-12
    assert ends.replaced < 1e-12
    assert ends.reset_shut is None
    assert (ends.z_kept is None) == name.startswith("lstm")
