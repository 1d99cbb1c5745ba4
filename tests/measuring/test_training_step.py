"""What is timed is training itself, and each figure is of the model that it is said to be of."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.cells.builtin import CELLS
from gru_bench.config.optim import OptimConfig
from gru_bench.measuring.program_memory import program_memory_mb
from gru_bench.measuring.training_step import (
    STEPS_A_CALL,
    TrainingSteps,
    first_state,
    measure_training_steps,
)
from gru_bench.model.counts import stack_parameters
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.fit import fit
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import init_state

TASK = AddingTask(length=20, batch_size=32)


def make_config(cell, hidden_size):
    model = ModelConfig(cell, input_size=2, output_size=1, hidden_size=hidden_size)
    return TrainConfig(model, OptimConfig(), STEPS_A_CALL, evaluate_every=STEPS_A_CALL)


def test_the_timed_program_makes_the_steps_of_a_training():
    config = make_config("rnn", 4)
    begun = jax.jit(partial(init_state, config))(TASK, 0, config.optim.learning_rate)
    steps = TrainingSteps(config, TASK, begun)
    steps()
    assert steps.state.step == STEPS_A_CALL
    trained = fit(config, TASK, [0], [config.optim.learning_rate])
    assert trained.best_step[0] == STEPS_A_CALL
    jax.tree.map(
        lambda timed, fitted: np.testing.assert_allclose(timed, fitted[0], rtol=1e-5, atol=1e-6),
        steps.state.params,
        trained.params,
    )


@pytest.mark.parametrize("cell", [*CELLS, "attention"])
def test_timing_begins_with_a_state_like_that_of_training(cell):
    config = make_config(cell, 4)
    begun = jax.eval_shape(partial(init_state, config), TASK, np.int32(0), np.float32(0))
    made = first_state(config, TASK)
    assert jax.tree.map(jax.typeof, made) == jax.tree.map(jax.typeof, begun)
    steps = TrainingSteps(config, TASK, made)
    steps()
    assert steps.state.step == STEPS_A_CALL
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(steps.state.params))


@pytest.mark.optimised
def test_a_step_holds_the_state_of_training_once():
    steps = TrainingSteps(make_config("lstm", 8), TASK)
    before = steps.state
    state_mb = sum(leaf.nbytes for leaf in jax.tree.leaves(before)) / 1e6
    twice = jax.jit(lambda run: jax.tree.map(jnp.copy, run)).lower(before).compile()
    assert program_memory_mb(twice) > 1.9 * state_mb
    once = jax.jit(lambda run: jax.tree.map(jnp.copy, run), donate_argnums=0)
    assert program_memory_mb(once.lower(before).compile()) < 1.1 * state_mb
    steps()
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before.params))


@pytest.mark.optimised
def test_costs_of_a_small_and_a_large_model_in_the_same_rounds():
    configs = {"small": make_config("lstm", 4), "large": make_config("lstm", 256)}
    costs = measure_training_steps(configs, TASK, rounds=5, limit_s=0)
    assert {name: len(cost.step_ms) for name, cost in costs.items()} == {"small": 5, "large": 5}
    # 2000 times the multiplications. Much of a small model's time is not spent on them.
    assert np.median(costs["large"].step_ms / costs["small"].step_ms) > 3
    # Parameters, the best ones so far and Adam's two moments, four bytes each. They are there once,
    # as in training, where a step puts the next ones in their place. Gradients, states and what the
    # loop over steps keeps come on top.
    held_mb = 4 * 4 * stack_parameters("lstm", 2, 256, 1) / 1e6
    assert held_mb < costs["large"].memory_mb < 5 * held_mb
    assert costs["small"].memory_mb < costs["large"].memory_mb / 10
