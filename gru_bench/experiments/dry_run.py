"""What a sweep would run, how large it is, and what time and memory it would take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.experiments.costs import Cost, measure_cells
from gru_bench.experiments.experiment import Experiment, make_experiments
from gru_bench.experiments.locks import is_finished
from gru_bench.experiments.to_result import count, tuning_grid
from gru_bench.system.machine import pinned_settings
from gru_bench.system.progress import Progress, show_clock
from gru_bench.tasks.base import Task
from gru_bench.training.devices import devices_per_member
from gru_bench.training.state import TrainConfig, with_hidden_size

FORWARD_SHARE = 1 / 3  # of a training step; the backward pass is about two forward ones


@dataclass(frozen=True)
class Planned:
    """One run of a sweep.

    Attributes:
        name: of its folder.
        state: whether there is a result already.
        hidden_size: units of each recurrent layer.
        parameters: of all recurrent layers.
        seconds: that it would take, compilation apart; 0 if it is finished.
        memory_mb: that its training steps would hold, of all runs of a device one after another;
            None where the backend does not tell.
    """

    name: str
    state: Literal["finished", "to do"]
    hidden_size: int
    parameters: int
    seconds: float
    memory_mb: float | None


@pinned_settings()
def plan(configs: Sequence[ExperimentConfig]) -> list[Planned]:
    """Measures a training step of each cell, for a few seconds a setting; trains nothing.

    Raises:
        UserError: A configuration is not possible.
    """
    experiments = make_experiments(configs, Progress(0).note)
    settings: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        settings.setdefault(experiment.setting, []).append(experiment)
    costs = {setting: measure_cells(alike) for setting, alike in settings.items()}
    return [_planned(experiment, costs[experiment.setting]) for experiment in experiments]


def _planned(experiment: Experiment, costs: dict[str, Cost]) -> Planned:
    config, cost = experiment.config, costs[experiment.config.cell.name]
    train = with_hidden_size(experiment.train, cost.hidden_size)
    assert cost.step_ms is not None
    finished = is_finished(experiment)
    grid, _ = tuning_grid(config.tune)
    populations = [config.seeds, grid] if grid else [config.seeds]
    step_s = float(np.median(cost.step_ms)) / 1e3
    seconds = sum(
        train_seconds(experiment.task, train, step_s, len(seeds)) for seeds in populations
    )
    return Planned(
        name=config.run_name(),
        state="finished" if finished else "to do",
        hidden_size=cost.hidden_size,
        parameters=count(train, cost.hidden_size).cell,
        seconds=0.0 if finished else seconds,
        memory_mb=cost.memory_mb,
    )


def train_seconds(task: Task, train: TrainConfig, step_s: float, runs: int) -> float:
    """Seconds of training with its evaluations.

    Devices take their runs one after another, or share the batches of a run.
    """
    items = jax.eval_shape(lambda: task.evaluation(jax.random.key(0), "validation"))
    batches: int = jax.tree.leaves(items)[0].shape[0]
    evaluations = -(-train.steps // train.evaluate_every)
    steps = train.steps + evaluations * batches * FORWARD_SHARE
    shared = devices_per_member(train, runs, task.batch_size)
    rounds = -(-runs // (jax.device_count() // shared))
    return steps * step_s * rounds / shared


def print_plan(planned: Sequence[Planned], console: Console) -> None:
    """Prints a line a run, then what all of them would take."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("")
    for heading in ("hidden\nsize", "cell\nparams", "time\nabout", "step\nMB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in planned:
        table.add_row(
            run.name,
            run.state,
            str(run.hidden_size),
            f"{run.parameters:,}",
            show_clock(run.seconds) if run.seconds else "-",
            "-" if run.memory_mb is None else f"{run.memory_mb:#.3g}",
        )
    console.print(table)
    todo = [run for run in planned if run.state == "to do"]
    total = show_clock(sum(run.seconds for run in todo))
    console.print(
        f"{len(planned)} runs, {len(todo)} to do: about {total} of training on"
        f" {jax.device_count()} {jax.devices()[0].platform} devices, one run after another;"
        " compilation is apart, 5 to 20 seconds for each different program"
    )
