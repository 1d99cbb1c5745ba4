"""What one model of each cell costs: size, time of a training step, latency, memory."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.analysis import load_model
from gru_bench.config import REFERENCE, CellConfig
from gru_bench.experiment import Experiment, make_train_config
from gru_bench.matching import match_training_time
from gru_bench.measure import StepCost, measure_training_steps
from gru_bench.model import Model
from gru_bench.streaming import step_latency, stream_bytes
from gru_bench.tasks.base import Task
from gru_bench.train import TrainConfig, init_run


@dataclass(frozen=True)
class Cost:
    """What one model of a cell costs, measured in turns with the other cells of its setting.

    Attributes:
        train: how it is trained, with the hidden size that it has in the end.
        step: of training.
        latency_us: microseconds of one step of one sequence, an entry a round.
        state_bytes: what is kept of one sequence between two steps.
    """

    train: TrainConfig
    step: StepCost
    latency_us: np.ndarray
    state_bytes: int

    @property
    def median_step_s(self) -> float:
        """Median seconds of a training step."""
        return float(np.median(self.step.step_ms)) / 1e3


def measure_cells(experiments: Sequence[Experiment]) -> dict[str, Cost]:
    """Costs of a model of each cell of one setting, and of the LSTM in any case, by their names.

    With `match=time` this is also where the hidden sizes are found.
    """
    first = experiments[0]
    trains = {experiment.config.cell.name: experiment.train for experiment in experiments}
    if REFERENCE not in trains:
        reference = dataclasses.replace(first.config, cell=CellConfig(name=REFERENCE))
        trains[REFERENCE] = make_train_config(reference, first.task)
    if first.config.match == "time":
        found = match_training_time(trains[REFERENCE], list(trains), first.task)
        trains = {
            name: dataclasses.replace(
                train, model=dataclasses.replace(train.model, hidden_size=found[name].hidden_size)
            )
            for name, train in trains.items()
        }
    steps = measure_training_steps(trains, first.task)
    models = {name: untrained_model(train, first.task) for name, train in trains.items()}
    latencies = step_latency(models)
    return {
        name: Cost(train, steps[name], latencies[name], stream_bytes(models[name]))
        for name, train in trains.items()
    }


def untrained_model(train: TrainConfig, task: Task) -> Model:
    """A model before its first step."""
    run = jax.jit(lambda: init_run(train, task, jnp.int32(0), jnp.float32(0)))()
    return load_model(train.model, run.params)
