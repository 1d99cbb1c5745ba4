"""Training with dropout: the same masks whenever, wherever and with whatever else it is trained."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.fit import fit
from gru_bench.training.state import TrainConfig
from gru_bench.training.step import evaluate, init_state, train_step

TASK = AddingTask(length=5, batch_size=8)
OPTIONS = [
    {"dropout": 0.3, "layers": 2},
    {"recurrent_dropout": 0.4, "bidirectional": True, "layer_norm": True},
]


def training(**options):
    model = ModelConfig("gru", 2, 1, 6, **options).on_any_machine()
    return TrainConfig(model, OptimConfig(), steps=12, evaluate_every=4)


def losses(result):
    return np.stack([evaluation.train_loss for evaluation in result.evaluations])


@pytest.fixture(scope="module", params=OPTIONS, ids=str)
def config(request):
    return training(**request.param)


@pytest.fixture(scope="module")
def whole(config):
    """Two seeds at once, each on a device of its own, and what was kept on the way."""
    kept = []

    def keep(snapshot):
        copied = jax.tree.map(jnp.copy, snapshot.state)
        kept.append(dataclasses.replace(snapshot, state=copied))

    return fit(config, TASK, (0, 1), (0.01, 0.01), keep=keep), kept


def test_training_goes_on_bit_for_bit(config, whole):
    result, kept = whole
    resumed = fit(config, TASK, (0, 1), (0.01, 0.01), resume=lambda start: kept[0])
    np.testing.assert_array_equal(losses(resumed), losses(result))
    assert jax.tree.all(jax.tree.map(np.array_equal, resumed.params, result.params))


def test_a_seed_is_the_same_alone_and_among_others(config, whole, monkeypatch):
    monkeypatch.setattr("gru_bench.training.fit.devices_per_member", lambda *_: 1)
    alone = fit(config, TASK, (1,), (0.01,))
    np.testing.assert_array_equal(losses(alone)[:, 0], losses(whole[0])[:, 1])


def test_devices_that_share_a_batch_leave_out_the_same(config, whole, monkeypatch):
    monkeypatch.setattr("gru_bench.training.fit.devices_per_member", lambda *_: 2)
    shared = fit(config, TASK, (0,), (0.01,))
    np.testing.assert_allclose(losses(shared)[:, 0], losses(whole[0])[:, 0], rtol=1e-4)


def test_each_step_and_each_seed_leaves_out_others(config):
    start = init_state(config, TASK, jnp.int32(0), jnp.float32(0.01))
    item = jax.tree.map(lambda leaf: leaf[0], TASK.schedule(start.data_key, start.step, 1))
    step = jax.jit(partial(train_step, config))

    def loss(seed, steps):
        key = jax.random.fold_in(start.dropout_key, seed)
        state = dataclasses.replace(start, step=jnp.int32(steps), dropout_key=key)
        return float(step(state, TASK, item)[1]["train_loss"])

    assert len({loss(0, 0), loss(0, 1), loss(1, 0)}) == 3
    assert loss(1, 0) == loss(1, 0)


def test_evaluation_leaves_nothing_out(config, whole):
    """What is found of the trained parameters is what a model without the options finds."""
    result, _ = whole
    plain = dataclasses.replace(
        config, model=dataclasses.replace(config.model, dropout=0.0, recurrent_dropout=0.0)
    )
    state = init_state(config, TASK, jnp.int32(0), jnp.float32(0.01))
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), result.params)
    of_plain = evaluate(plain, params, TASK, state.evaluation_key, "validation")
    best = result.scores["validation"]["loss"][0]
    np.testing.assert_allclose(of_plain["loss"], best, rtol=1e-5)
