"""The cells that are linear in their state: against NumPy, counted, streamed and looked into."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.models import random_model
from helpers.plain_recurrence import assert_same, value_and_gradients
from helpers.reference import (
    BLOCKS,
    LINEAR,
    named,
    random_cell,
    random_sequence,
    reference_unroll,
)

from gru_bench.analysis.gates import gate_limits
from gru_bench.config.cell import BUILT_IN, MAIN_CELLS, OUTSIDE
from gru_bench.model.counts import cell_flops, cell_parameters
from gru_bench.model.model import count_parameters
from gru_bench.model.streaming import start_stream, stream_step
from gru_bench.recurrence.plain import plain_dot, plain_unroll
from gru_bench.recurrence.scan import Implementation, unroll

INPUT, HIDDEN = 3, 4


def test_they_stand_outside_of_the_main_cells_and_are_no_variants():
    assert set(LINEAR) <= set(OUTSIDE)
    assert not set(LINEAR) & set(MAIN_CELLS)
    assert all(BUILT_IN[name].variant_of is None for name in LINEAR)


@pytest.mark.parametrize("implementation", ["scan", "parallel"])
@pytest.mark.parametrize("name", LINEAR)
def test_values_equal_the_numpy_reference_and_gradients_autodiff(name, implementation, x64):
    """In float64, with biases that are not zero, over lengths that are no powers of two."""
    cell = random_cell(name, INPUT, HIDDEN)
    x, state = random_sequence(cell, 7, 2, INPUT)
    p = named(name, cell)
    assert p.keys() == {kind + gate for kind in "Wb" for gate in BLOCKS[name]}
    assert all(np.abs(value).min() > 0 for value in p.values())

    def run(cell, x, state):
        return unroll(cell, x, state, Implementation(implementation))

    found = value_and_gradients(run, cell, x, state)
    outputs, last = reference_unroll(name, p, np.array(x), tuple(map(np.array, state)))
    np.testing.assert_allclose(found[1][0], outputs, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found[1][1], last, rtol=1e-12, atol=1e-13)
    plain = value_and_gradients(plain_unroll, cell, x, state)
    assert_same(found, plain, rtol=1e-10, atol=1e-12)
    assert all(jnp.abs(gradient).max() > 0 for gradient in jax.tree.leaves(found[0]))


@pytest.mark.parametrize("bias", [-40.0, -60.0, -200.0])
def test_two_shut_gates_of_a_minimal_lstm_give_numbers_and_gradients(bias):
    """sigmoid(-60) squared is zero in float32, and so is sigmoid(-200) itself."""
    cell = random_cell("minlstm", INPUT, HIDDEN)
    cell.set_bias(0, bias)
    cell.set_bias(1, bias)
    x, state = random_sequence(cell, 3, 2, INPUT)
    found = value_and_gradients(unroll, cell, 0 * x, state)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
    if bias == -40:
        expected = (np.array(state[0]) + named("minlstm", cell)["bn"]) / 2
        np.testing.assert_allclose(found[1][0][0], expected, rtol=1e-5)


@pytest.mark.parametrize("name", LINEAR)
def test_parameters_are_counted_exactly(name):
    parameters = cell_parameters(name, INPUT, HIDDEN)
    assert parameters == {"mingru": 2, "minlstm": 3}[name] * HIDDEN * (INPUT + 1)
    assert parameters == count_parameters(random_cell(name, INPUT, HIDDEN))


def test_operations_are_those_of_the_equations():
    """A multiply-add is two, a bias one, and then a unit's sigmoids, sums, products, quotients."""
    maps = {"mingru": 2, "minlstm": 3}
    units = {
        "mingru": 1 + 1 + 2 + 1,  # sigmoid; 1 - z; (1 - z) h and z n; their sum
        "minlstm": 2 + 1 + 2 + 2 + 1,  # sigmoids; f + i; two quotients; f h and i n; their sum
    }
    for name in LINEAR:
        expected = maps[name] * HIDDEN * (2 * INPUT + 1) + units[name] * HIDDEN
        assert cell_flops(name, INPUT, HIDDEN) == expected


@pytest.mark.parametrize("name", LINEAR)
def test_a_stream_gives_what_the_whole_sequence_gives(name, x64):
    model = random_model(name)
    x = jnp.array(np.random.default_rng(0).normal(size=(4, 1, 2)))
    stream = start_stream(model)
    for step in x:
        stream, outputs = stream_step(model, stream, step)
    np.testing.assert_allclose(outputs, model(x, jnp.array([4])), rtol=1e-6)


@pytest.mark.parametrize("name", LINEAR)
def test_openness_is_the_share_that_is_kept_and_what_is_left_of_it(name, x64):
    """The share of the state that is kept is its derivative."""
    cell = random_cell(name, INPUT, HIDDEN)
    x, state = random_sequence(cell, 1, 2, INPUT)
    gates = cell.gates(state, cell.project(x[0]), plain_dot(cell, x.dtype))
    openness = cell.openness(gates)
    assert set(openness) == ({"kept"} if name == "mingru" else {"kept", "input"})
    kept = jax.grad(lambda h: cell.next_state((h,), gates)[0].sum())(state[0])
    np.testing.assert_allclose(kept, openness["kept"], rtol=1e-12)
    if name == "minlstm":
        np.testing.assert_allclose(openness["kept"] + openness["input"], 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", LINEAR)
def test_gates_at_their_ends_keep_and_replace_the_state(name, x64):
    cell = random_cell(name, INPUT, HIDDEN)
    x, state = random_sequence(cell, 1, 2, INPUT)
    ends = gate_limits(cell, x[0], state, tuple(2 * array for array in state))
    assert ends.kept < 1e-12
    assert ends.replaced < 1e-12
    assert ends.reset_shut is None
    assert (ends.z_kept is None) == (name == "minlstm")
