"""Parameter formulas against the real parameter trees, and the ratios that textbooks quote."""

import subprocess
import sys

import pytest
from flax import nnx
from reference import CELLS

from gru_bench.model import Model, ModelConfig, count_parameters, make_cell
from gru_bench.parameters import cell_parameters, parameter_table, stack_parameters

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
    rows = {
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


@pytest.mark.parametrize("module", ["parameters", "config"])
def test_answers_without_jax_are_answered_without_jax(module):
    code = (
        f"import sys, gru_bench.{module};"
        "print([m for m in ('jax', 'flax', 'hydra', 'torch', 'datasets') if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"
