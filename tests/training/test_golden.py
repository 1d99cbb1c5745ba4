"""Golden numbers: fifty steps of training on a CPU, as they came out when they were written down.

They move with any change to a cell's equations, the initialisation, the data, the loss or the
optimiser, by far more than TOLERANCE. A change that means to move them states the new ones.
"""

import numpy as np
import pytest

from gru_bench.config.optim import OptimConfig
from gru_bench.model.model import ModelConfig
from gru_bench.tasks.adding import AddingTask
from gru_bench.training.fit import fit
from gru_bench.training.state import TrainConfig

# Sums of float32 numbers depend on their order, and that on vector widths, on the passes of the
# compiler and on how many devices share a batch. With all optimisations or most of them switched
# off, and with one or two devices a batch, these numbers differ by up to 4e-7 of themselves. There
# is room for what other processors and releases of XLA may add, but for nothing else.
TOLERANCE = 1e-4

# Validation errors after 25 and 50 steps, and the test error of the better one.
GOLDEN = {
    "gru": (0.146897, 0.103795, 0.102123),
    "gru_reset_after": (0.149775, 0.120651, 0.117297),
    "lstm": (0.197685, 0.167826, 0.162877),
    "rnn": (0.174220, 0.191427, 0.174192),
}


@pytest.mark.parametrize("cell", GOLDEN)
def test_fifty_steps_come_out_as_they_did(cell):
    model = ModelConfig(cell, input_size=2, output_size=1, hidden_size=8)
    config = TrainConfig(model, OptimConfig(), steps=50, evaluate_every=25)
    result = fit(config, AddingTask(length=10, batch_size=16), seeds=(0,), learning_rates=(0.01,))
    validation = [evaluation.scores["mse"][0] for evaluation in result.evaluations]
    found = (*validation, result.scores["test"]["mse"][0])
    np.testing.assert_allclose(found, GOLDEN[cell], rtol=TOLERANCE)
