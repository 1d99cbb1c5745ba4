"""What one model of each cell costs: size, time of a training step, latency, memory."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from gru_bench.config.cell import REFERENCE, CellConfig
from gru_bench.config.user_classes import source_file
from gru_bench.experiments.experiment import Experiment, make_train_config
from gru_bench.measuring.equal_time import match_training_time
from gru_bench.measuring.latency import step_latency
from gru_bench.measuring.training_step import measure_training_steps
from gru_bench.model.model import Model, load_model
from gru_bench.model.streaming import stream_bytes
from gru_bench.system.files import content_hash, write_atomically
from gru_bench.system.locks import lock
from gru_bench.tasks.base import Task
from gru_bench.training.state import TrainConfig, with_hidden_size
from gru_bench.training.step import init_state

SIZES = ".sizes"


@dataclass(frozen=True)
class Cost:
    """What one model of a cell costs, measured in turns with the other cells of its setting.

    Attributes:
        hidden_size: that it has in the end.
        state_bytes: what is kept of one sequence between two steps.
        step_ms: milliseconds of a training step, an entry a round; None if it is not measured.
        memory_mb: that a training step holds at its peak; None if that is not known.
        latency_us: microseconds of one step of one sequence, an entry a round; None likewise.
    """

    hidden_size: int
    state_bytes: int
    step_ms: np.ndarray | None = None
    memory_mb: float | None = None
    latency_us: np.ndarray | None = None


def measure_cells(experiments: Sequence[Experiment], timed: bool = True) -> dict[str, Cost]:
    """Costs of a model of each cell of one setting, and of the LSTM in any case, by their names.

    With `match=time` this is also where the hidden sizes are found.

    Args:
        experiments: of one setting.
        timed: whether to measure steps and latencies.
    """
    first = experiments[0]
    trains = {experiment.config.cell.name: experiment.train for experiment in experiments}
    if REFERENCE not in trains:
        reference = dataclasses.replace(
            first.config, cell=CellConfig(name=REFERENCE), recurrence="auto"
        )
        trains[REFERENCE] = make_train_config(reference, first.task)
    if first.config.match == "time":
        sizes = sizes_of_equal_time(first, trains)
        trains = {name: with_hidden_size(train, sizes[name]) for name, train in trains.items()}
    models = {name: untrained_model(train, first.task) for name, train in trains.items()}
    costs = {
        name: Cost(train.model.hidden_size, stream_bytes(models[name]))
        for name, train in trains.items()
    }
    if not timed:
        return costs
    steps = measure_training_steps(trains, first.task)
    latencies = step_latency(models)
    return {
        name: dataclasses.replace(
            cost,
            step_ms=steps[name].step_ms,
            memory_mb=steps[name].memory_mb,
            latency_us=latencies[name],
        )
        for name, cost in costs.items()
    }


def sizes_of_equal_time(
    experiment: Experiment, trains: Mapping[str, TrainConfig]
) -> dict[str, int]:
    """Hidden sizes at which the cells' training steps take as long as the LSTM's, by their names.

    They are kept beside the runs: measured anew, they might come out a little different, and runs
    of one setting would not be of one size.
    """
    config = experiment.config
    path = Path(config.out_dir) / SIZES / f"{experiment.setting}.json"
    cells = {name: train.model.cell for name, train in trains.items()}
    # A cell of one's own is another one once its file has changed.
    keys = {cell: f"{cell} {content_hash(source_file(cell))}" for cell in cells.values()}
    with lock(path.with_suffix(".lock"), wait=True):  # other jobs of the sweep want the same sizes
        known: dict[str, int] = {}
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            known = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
        missing = [cell for cell, key in keys.items() if key not in known]
        if missing:
            found = match_training_time(trains[REFERENCE], missing, experiment.task)
            known |= {keys[cell]: match.hidden_size for cell, match in found.items()}
            write_atomically(path, msgspec.json.encode(known))
    return {name: known[keys[cell]] for name, cell in cells.items()}


def untrained_model(train: TrainConfig, task: Task) -> Model:
    """A model before its first step."""
    run = jax.jit(lambda: init_state(train, task, jnp.int32(0), jnp.float32(0)))()
    return load_model(train.model, run.params)
