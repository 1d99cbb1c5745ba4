"""Programs of training that are kept: those of all built-in parts, and the same bits as traced."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import ModelConfig
from gru_bench.system import lowered
from gru_bench.tasks.adding import AddingTask
from gru_bench.training import fit as fit_module
from gru_bench.training.fit import fit
from gru_bench.training.state import TrainConfig, made_of
from gru_bench.training.step import init_state

TASK = AddingTask(length=5, batch_size=4)
MODEL = ModelConfig("gru", input_size=2, output_size=1, hidden_size=3)
CONFIG = TrainConfig(MODEL, OptimConfig(), steps=4, evaluate_every=2)


class OwnTask(AddingTask):
    """Stands for a user's."""


@pytest.mark.parametrize(
    ("name", "momentum"),
    [("adam", 0.0), ("adamw", 0.0), ("sgd", 0.0), ("sgd", 0.9), ("rmsprop", 0.9)],
)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_state_of_every_optimiser_may_be_kept(name, momentum, schedule):
    optim = OptimConfig(name=name, momentum=momentum, schedule=schedule, warmup_steps=2)
    config = replace(CONFIG, optim=optim)
    state = jax.eval_shape(lambda: init_state(config, TASK, jnp.int32(0), jnp.float32(1)))
    structure = jax.tree.structure(state)
    assert lowered._structure(json.loads(json.dumps(lowered._describe(structure)))) == structure


def test_what_a_users_class_decides_is_always_traced():
    assert made_of("chunk", CONFIG, TASK) is not None
    assert made_of("chunk", CONFIG, OwnTask(length=5, batch_size=4)) is None
    own = replace(CONFIG, model=replace(MODEL, cell="my_cells:Mine"))
    assert made_of("chunk", own, TASK) is None


def test_every_key_of_training_tells_programs_apart():
    configs = [
        CONFIG,
        replace(CONFIG, steps=5),
        replace(CONFIG, split=2),
        replace(CONFIG, model=replace(MODEL, keep=0.5)),
        replace(CONFIG, optim=OptimConfig(clip_norm=2.0)),
    ]
    texts = [made_of(program, config, TASK) for program in ("first", "last") for config in configs]
    assert len(set(texts)) == len(texts)


def test_kept_programs_train_to_the_same_bits_as_traced_ones(monkeypatch):
    for _ in range(2):
        monkeypatch.setattr(lowered, "_compiled", {})
        kept = fit(CONFIG, TASK, [0, 1, 2], [0.01] * 3)
    assert len(lowered._compiled) == 3
    monkeypatch.setattr(fit_module, "made_of", lambda *arguments: None)
    traced = fit(CONFIG, TASK, [0, 1, 2], [0.01] * 3)
    for leaf, same in zip(
        jax.tree.leaves(kept.params), jax.tree.leaves(traced.params), strict=True
    ):
        np.testing.assert_array_equal(leaf, same, strict=True)
    for name, scores in traced.scores["test"].items():
        np.testing.assert_array_equal(kept.scores["test"][name], scores)
