"""Which share of its state a cell keeps at the start: measured in the cell, for every start."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from helpers.reference import CELLS, LINEAR, VARIANTS, named

from gru_bench.cells.base import keeping_bias
from gru_bench.config.cell import KEEP, CellConfig
from gru_bench.config.compose import compose_experiments
from gru_bench.experiments.train_config import make_model_config
from gru_bench.model.model import ModelConfig, make_cell
from gru_bench.recurrence.plain import plain_dot
from gru_bench.system.errors import UserError
from gru_bench.tasks.make import make_task

UNGATED = ("rnn", "gru_no_update")
FORGETTING = ("lstm", "lstm_no_output", "lstm_coupled")  # whose forget gates have a bias of 1
HIDDEN = 5


def start(name, **options):
    """A cell before training."""
    config = ModelConfig(name, 3, 1, HIDDEN, **options)
    return make_cell(config, 3, nnx.Rngs(0))


def asked_for(*words):
    """A cell before training, as a command asks for it."""
    (config,) = compose_experiments([*words, "task=adding", "hidden_size=5"], multirun=False)
    model = make_model_config(config, make_task(config), "scan")
    return make_cell(model, 3, nnx.Rngs(0))


def kept_share(cell):
    """How much of its memory each unit keeps in one step, at an input and a state of zero."""
    state = cell.zero_state(1, jnp.float32)
    gates = cell.gates(state, cell.project(jnp.zeros((1, 3))), plain_dot(cell))

    def memory_after(memory):
        return cell.next_state((*state[:-1], memory), gates)[-1].sum()

    return np.array(jax.grad(memory_after)(state[-1]))[0]


@pytest.mark.parametrize("name", [*CELLS, *VARIANTS, *LINEAR])
def test_by_default_every_gated_cell_keeps_the_same_share(name):
    expected = 0.0 if name in UNGATED else KEEP
    np.testing.assert_allclose(kept_share(asked_for(f"cell={name}")), expected, rtol=1e-5)


@pytest.mark.parametrize("name", [*CELLS, *VARIANTS, *LINEAR])
def test_at_the_textbook_start_an_lstm_keeps_73_percent_and_a_gru_a_half(name):
    share = 0.0 if name in UNGATED else 0.7310586 if name in FORGETTING else 0.5
    cell = asked_for(f"cell={name}", "cell.initialisation=textbook")
    np.testing.assert_allclose(kept_share(cell), share, rtol=1e-6)


def test_a_result_states_its_start_and_is_another_run_than_one_of_another_start():
    """A run whose `keep` is null is one of before there was one default for all cells."""
    default, given, textbook, chrono = (
        compose_experiments(["cell=gru", "task=adding", *words], multirun=False)[0]
        for words in (
            [],
            [f"cell.keep={KEEP}"],
            ["cell.initialisation=textbook"],
            ["cell.initialisation=chrono"],
        )
    )
    assert default.resolved({})["cell"]["keep"] == KEEP
    assert default.identity({}) == given.identity({})
    before = dataclasses.replace(default)
    before.cell = dataclasses.replace(default.cell)
    before.cell.keep = None
    found = {config.identity({}) for config in (default, textbook, chrono, before)}
    assert len(found) == 4


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", [*CELLS, *VARIANTS, *LINEAR])
def test_every_gated_cell_keeps_the_same_share_with_cell_keep(name, share):
    expected = 0.0 if name in UNGATED else share
    np.testing.assert_allclose(kept_share(start(name, keep=share)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", FORGETTING)
def test_the_textbook_start_of_an_lstm_keeps_a_half(name):
    np.testing.assert_allclose(kept_share(start(name, forget_bias=0.0)), 0.5, rtol=1e-6)


@pytest.mark.parametrize("name", [*CELLS, *VARIANTS, *LINEAR])
def test_the_chrono_start_keeps_enough_for_lags_up_to_the_longest(name):
    kept = kept_share(start(name, chrono_length=100))
    if name in UNGATED:
        np.testing.assert_array_equal(kept, 0)
    else:
        assert kept.min() >= 0.5
        assert kept.max() <= 0.99
        assert np.unique(kept).size == HIDDEN


def test_only_the_gate_that_keeps_is_set():
    """An LSTM's input gate stays a half open, as it is with a forget bias."""
    plain, keeping = named("lstm", start("lstm")), named("lstm", start("lstm", keep=0.9))
    changed = {key for key in plain if not np.array_equal(plain[key], keeping[key])}
    assert changed == {"bf"}
    np.testing.assert_allclose(keeping["bf"], np.log(9), rtol=1e-6)


@pytest.mark.parametrize("share", [1e-6, 0.3, 1 - 1e-6])
def test_the_bias_is_the_inverse_of_the_sigmoid(share):
    np.testing.assert_allclose(1 / (1 + np.exp(-keeping_bias(share))), share, rtol=1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_share_is_between_nothing_and_all(share):
    with pytest.raises(UserError, match=r"cell\.keep must be between 0 and 1"):
        CellConfig("gru", keep=share)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"keep": KEEP, "forget_bias": 1.0}, "cell.keep must be left out with cell.forget_bias"),
        *(
            (
                {name: KEEP, "initialisation": start},
                f"{name} must be left out with cell.init.*={start}",
            )
            for name in ("keep", "forget_bias")
            for start in ("textbook", "chrono")
        ),
    ],
)
def test_what_sets_the_same_gate_is_refused(keys, said):
    with pytest.raises(UserError, match=said):
        CellConfig("lstm", **keys)


@pytest.mark.parametrize("keys", [{"forget_bias": 1.0}, {"initialisation": "chrono"}])
def test_starts_are_not_tuned_where_something_else_sets_the_gate(keys):
    words = [f"cell.{key}={value}" for key, value in keys.items()]
    with pytest.raises(UserError, match=r"tune\.keeps is not possible with cell\.forget_bias"):
        compose_experiments(["cell=lstm", *words, "tune.keeps=[0.5,0.9]"], multirun=False)


def test_a_plain_rnn_may_begin_as_the_identity_through_which_gradients_pass():
    cell = asked_for("cell=rnn", "cell.initialisation=identity")
    usual = asked_for("cell=rnn")
    (recurrent,) = cell.weights_hh
    assert np.array_equal(recurrent[...], np.eye(HIDDEN))
    assert np.allclose(cell.weight_ih[...], usual.weight_ih[...] / 100)
    # A small state is kept for a hundred steps, and so is the gradient with respect to it.
    x = jnp.zeros((1, HIDDEN))

    def after(h):
        state = (h,)
        for _ in range(100):
            state = cell.step(state, x, plain_dot(cell, x.dtype))
        return state[0].sum()

    gradient = jax.grad(after)(jnp.full((1, HIDDEN), 0.01))
    assert np.allclose(gradient, 1, atol=0.05)


def test_the_identity_is_of_the_plain_rnn_alone():
    with pytest.raises(UserError, match="identity with cell=rnn alone"):
        CellConfig("gru", initialisation="identity")
