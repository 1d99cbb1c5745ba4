"""Formulas against the real parameter trees and XLA's own counts, and the sizes that match."""

import math
import subprocess
import sys
from typing import Any

import pytest
from flax import nnx
from helpers.reference import CELLS
from helpers.xla import xla_operations

from gru_bench.config.cell import BUILT_IN
from gru_bench.model.counts import (
    budget_table,
    cell_flops,
    cell_parameters,
    matched_hidden_size,
    nearest_hidden_size,
    parameter_table,
    stack_flops,
    stack_parameters,
    stack_state,
)
from gru_bench.model.model import Model, ModelConfig, count_parameters, make_cell

SIZES = [(1, 1), (1, 7), (2, 128), (10, 16), (64, 256), (300, 5)]


def shapes(make):
    """A module without its numbers."""
    return nnx.eval_shape(lambda: make(nnx.Rngs(0)))


@pytest.mark.parametrize(("input_size", "hidden_size"), SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_the_formula_counts_the_cell(name, input_size, hidden_size):
    config = ModelConfig(name, input_size, 1, hidden_size)
    cell = shapes(lambda rngs: make_cell(config, input_size, rngs))
    assert cell_parameters(name, input_size, hidden_size) == count_parameters(cell)


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize(("input_size", "hidden_size"), SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_the_formula_counts_the_layers_of_a_model(name, input_size, hidden_size, layers):
    config = ModelConfig(name, input_size, 3, hidden_size, layers=layers)
    model = shapes(lambda rngs: Model(config, rngs=rngs))
    recurrent = sum(count_parameters(cell) for cell in model.layers)
    assert recurrent == stack_parameters(name, input_size, hidden_size, layers)
    assert count_parameters(model) == recurrent + 3 * (hidden_size + 1)


@pytest.mark.parametrize("name", CELLS)
def test_an_embedding_comes_on_top(name):
    config = ModelConfig(name, 1000, 8, 32, layers=2, readout="mean", embedding_size=20)
    model = shapes(lambda rngs: Model(config, rngs=rngs))
    assert count_parameters(model) == 1000 * 20 + stack_parameters(name, 20, 32, 2) + 8 * 33


@pytest.mark.parametrize(
    ("name", "input_size", "hidden_size", "count"),
    [
        # Worked by hand: k H (I + H + 1), and H more for the bias inside the reset product.
        ("rnn", 2, 3, 18),
        ("gru", 2, 3, 54),
        ("gru_reset_after", 2, 3, 57),
        ("lstm", 2, 3, 72),
        # The sizes that Chung et al. 2014 matched.
        ("lstm", 100, 36, 19_728),
        ("gru", 100, 46, 20_286),
        ("rnn", 100, 100, 20_100),
        ("lstm", 20, 195, 168_480),
        ("gru", 20, 227, 168_888),
        ("rnn", 20, 400, 168_400),
    ],
)
def test_known_counts(name, input_size, hidden_size, count):
    assert cell_parameters(name, input_size, hidden_size) == count


@pytest.mark.parametrize(("input_size", "hidden_size"), SIZES)
def test_a_gru_is_three_quarters_and_an_rnn_a_quarter_of_an_lstm(input_size, hidden_size):
    lstm = cell_parameters("lstm", input_size, hidden_size)
    assert 4 * cell_parameters("gru", input_size, hidden_size) == 3 * lstm
    assert 4 * cell_parameters("rnn", input_size, hidden_size) == lstm


def test_the_inner_bias_makes_the_ratio_a_little_larger():
    rows: dict[Any, Any] = {
        (row["cell"], row["input_size"], row["hidden_size"]): row
        for row in parameter_table([2, 64], [128, 256])
    }
    assert len(rows) == 4 * 2 * 2
    assert round(rows["gru_reset_after", 2, 128]["ratio_to_lstm"], 4) == 0.7519
    assert round(rows["gru_reset_after", 64, 256]["ratio_to_lstm"], 4) == 0.7508
    for (name, *_), row in rows.items():
        assert row["parameters"] == cell_parameters(name, row["input_size"], row["hidden_size"])
        exact = {"gru": 0.75, "rnn": 0.25, "lstm": 1.0}
        assert row["ratio_to_lstm"] == exact.get(name, row["ratio_to_lstm"])


@pytest.mark.parametrize(("input_size", "hidden_size"), [(1, 1), (5, 16), (100, 46), (64, 256)])
@pytest.mark.parametrize("name", CELLS)
def test_xla_counts_the_same_operations(name, input_size, hidden_size):
    sigmoids = {"gru": 2, "gru_reset_after": 2, "lstm": 3, "rnn": 0}[name]
    expected = cell_flops(name, input_size, hidden_size) + 3 * sigmoids * hidden_size
    if name == "gru_reset_after":
        expected += 2 * hidden_size  # the program adds a zero to the other two products
    # One for the zero that a program may make first.
    assert xla_operations(name, input_size, hidden_size) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("name", "flops"),
    [
        # Worked by hand for I=2, H=3: k H (2I + 2H + 1), and the pointwise operations of 3 units.
        ("rnn", 33 + 3 * 2),
        ("gru", 99 + 3 * 11),
        ("gru_reset_after", 99 + 3 * 12),
        ("lstm", 132 + 3 * 13),
    ],
)
def test_operations_worked_by_hand(name, flops):
    assert stack_flops(name, 2, 3, 1) == flops
    assert stack_flops(name, 2, 3, 3) == flops + 2 * cell_flops(name, 3, 3)


# Sizes that match


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("count", [stack_parameters, stack_flops])
@pytest.mark.parametrize("name", CELLS)
def test_no_size_comes_nearer_to_the_target(name, count, layers):
    def of_size(size):
        return count(name, 7, size, layers)

    counts = {size: of_size(size) for size in range(1, 100)}
    for target in [1, 2, 50, 1000, 4321, *(counts[size] for size in (1, 2, 31))]:
        distances = {size: abs(found - target) for size, found in counts.items()}
        assert nearest_hidden_size(of_size, target) == min(distances, key=distances.__getitem__)


def test_of_two_sizes_as_near_the_smaller_is_taken():
    assert nearest_hidden_size(lambda size: 10 * size, 35) == 3
    assert nearest_hidden_size(lambda size: 10 * size, 36) == 4


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("input_size", [1, 100, 3000])
def test_the_size_is_beside_the_root_of_the_parameter_formula(name, input_size):
    for budget in (5_000, 20_000, 1_234_567):
        b = input_size + 1
        root = (-b + math.sqrt(b**2 + 4 * budget / BUILT_IN[name].affine_maps)) / 2
        found = matched_hidden_size(name, input_size, 8, 1, "parameters", budget)
        assert found in {max(math.floor(root), 1), math.ceil(root)}


def test_the_sizes_of_chung_et_al():
    sizes = {row["cell"]: row["hidden_size"] for row in budget_table([100], 20_000)}
    assert (sizes["lstm"], sizes["gru"], sizes["rnn"]) == (36, 46, 100)
    matched = [matched_hidden_size(cell, 20, 195, 1, "parameters") for cell in ("gru", "rnn")]
    assert matched == [227, 400]


@pytest.mark.parametrize("layers", [1, 2])
def test_a_cell_matches_an_lstm_by_what_it_was_asked_for(layers):
    def size(cell, match, budget=None):
        return matched_hidden_size(cell, 10, 64, layers, match, budget)

    assert {size(cell, "hidden") for cell in CELLS} == {64}
    assert size("lstm", "parameters") == size("lstm", "flops") == 64
    # Three quarters of an LSTM's parameters are a GRU of its size.
    budget = 3 * stack_parameters("lstm", 10, 64, layers) // 4
    assert size("gru", "parameters", budget) == 64
    assert size("lstm", "parameters", budget) < 64
    for match, count in (("parameters", stack_parameters), ("flops", stack_flops)):
        target = count("lstm", 10, 64, layers)
        for cell in CELLS:
            # A unit more or less is less than 3 % here.
            assert count(cell, 10, size(cell, match), layers) == pytest.approx(target, rel=0.015)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", BUILT_IN)
def test_the_state_is_what_a_cell_keeps_between_two_steps(name, layers, bidirectional):
    """An LSTM of 10 units keeps h and c, so that a cell of one array has 20 units."""

    def kept(cell, size):
        options = {"layers": layers, "bidirectional": bidirectional}
        model = shapes(lambda rngs: Model(ModelConfig(cell, 3, 2, size, **options), rngs=rngs))
        cells = [
            cell
            for layer in model.layers
            for cell in ([layer.forward, layer.backward] if bidirectional else [layer])
        ]
        return sum(array.size for cell in cells for array in cell.zero_state(1, "float32"))

    size = matched_hidden_size(name, 3, 10, layers, "state", bidirectional=bidirectional)
    assert size == (10 if name.startswith("lstm") else 20)
    assert kept(name, size) == kept("lstm", 10) == layers * (1 + bidirectional) * 20
    assert stack_state(name, 3, size, layers, bidirectional) == kept(name, size)


def test_the_table_of_matched_sizes_compares_with_the_lstm_beside():
    rows: Any = parameter_table([2], [128], "flops")
    lstm = next(row for row in rows if row["cell"] == "lstm")
    assert lstm["hidden_size"] == 128
    for row in rows:
        assert row["hidden_size"] == matched_hidden_size(row["cell"], 2, 128, 1, "flops")
        assert row["flops"] == cell_flops(row["cell"], 2, row["hidden_size"])
        assert row["flops_ratio_to_lstm"] == row["flops"] / lstm["flops"]
        assert row["ratio_to_lstm"] == row["parameters"] / lstm["parameters"]


@pytest.mark.process
@pytest.mark.parametrize("module", ["model.counts", "config.reference"])
def test_answers_without_jax_are_answered_without_jax(module):
    code = (
        f"import sys, gru_bench.{module};"
        "print([m for m in ('jax', 'flax', 'hydra', 'torch', 'datasets') if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"
