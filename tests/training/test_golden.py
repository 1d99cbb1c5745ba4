"""Golden numbers: fifty steps of training on a CPU, as they came out when they were written down.

They move with any change to a cell's equations, the initialisation, the data, the loss or the
optimiser, by far more than TOLERANCE. A change that means to move them states the new ones.
"""

from importlib import import_module

import numpy as np
import pytest

from gru_bench.config.cell import KEEP
from gru_bench.config.optim import OptimConfig
from gru_bench.config.tasks.dyck import DyckConfig
from gru_bench.config.tasks.store_release import StoreReleaseConfig
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.fit import fit
from gru_bench.training.state import TrainConfig

# Sums of float32 numbers depend on their order, and that on vector widths, on the passes of the
# compiler and on how many devices share a batch. With all optimisations or most of them switched
# off, and with one or two devices a batch, these numbers differ by up to 4e-7 of themselves. There
# is room for what other processors and releases of XLA may add, but for nothing else.
TOLERANCE = 1e-4

# Of cells that start as they do by default: validation errors after 25 and 50 steps, and the test
# error of the better one.
GOLDEN = {
    "gru": (0.175871, 0.113446, 0.109511),
    "gru_reset_after": (0.177639, 0.135029, 0.129497),
    "lstm": (0.189370, 0.177247, 0.172019),
    "rnn": (0.174220, 0.191427, 0.174192),
    "gru_no_reset": (0.175445, 0.150346, 0.144563),
    "gru_no_update": (0.187101, 0.173680, 0.166703),
    "lstm_no_output": (0.196912, 0.168195, 0.162406),
    "lstm_coupled": (0.194389, 0.167245, 0.165573),
}


# Of the GRU on other tasks: the loss on validation data after 10 and 20 steps, and on test data.
GOLDEN_TASKS = {
    "dyck": (DyckConfig(depth=2, test_depth=3, length=12), (1.376127, 1.343142, 1.347093)),
    "store_release": (StoreReleaseConfig(values=2, distractors=6), (2.060143, 2.017713, 2.017623)),
}


def losses(cell, task, steps):
    """Losses on validation data after half of the steps and all, and on test data."""
    sizes = (task.input_size, task.output_size, 8)
    model = ModelConfig(cell, *sizes, readout=task.readout, keep=KEEP)
    config = TrainConfig(model, OptimConfig(), steps=steps, evaluate_every=steps // 2)
    result = fit(config, task, seeds=(0,), learning_rates=(0.01,))
    validation = [evaluation.scores["loss"][0] for evaluation in result.evaluations]
    return *validation, result.scores["test"]["loss"][0]


@pytest.mark.parametrize("cell", GOLDEN)
def test_fifty_steps_come_out_as_they_did(cell):
    found = losses(cell, AddingTask(length=10, batch_size=16), steps=50)
    np.testing.assert_allclose(found, GOLDEN[cell], rtol=TOLERANCE)


@pytest.mark.parametrize("name", GOLDEN_TASKS)
def test_twenty_steps_on_a_task_come_out_as_they_did(name):
    config, golden = GOLDEN_TASKS[name]
    task = import_module(f"gru_bench.tasks.{name}").make_task(config, batch_size=16)
    np.testing.assert_allclose(losses("gru", task, steps=20), golden, rtol=TOLERANCE)
