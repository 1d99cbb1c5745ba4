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
from gru_bench.experiments.finished import missing_seeds, needs_tuning
from gru_bench.experiments.resolve import Experiment, resolve
from gru_bench.experiments.seed_budget import describe_seed_budget
from gru_bench.experiments.to_result import count, tuning_grid
from gru_bench.system.machine import pinned_settings
from gru_bench.system.progress import Progress, show_clock
from gru_bench.tasks.base import Task
from gru_bench.training.devices import devices_per_member
from gru_bench.training.state import TrainConfig

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
    """Measures a training step of each cell that has runs to make, for a few seconds a setting.

    Nothing is trained.

    Raises:
        UserError: A configuration is not possible.
    """
    note = Progress(0).note
    experiments = resolve(configs, note)
    if budget := describe_seed_budget(experiments):
        note(budget)
    missing = [missing_seeds(experiment) for experiment in experiments]
    settings: dict[str, list[Experiment]] = {}
    for experiment, seeds in zip(experiments, missing, strict=True):
        if seeds:
            settings.setdefault(experiment.setting, []).append(experiment)
    costs = {setting: measure_cells(alike) for setting, alike in settings.items()}
    return [
        _planned(experiment, seeds, costs[experiment.setting][experiment.config.cell.name])
        if seeds
        else _finished(experiment)
        for experiment, seeds in zip(experiments, missing, strict=True)
    ]


def _finished(experiment: Experiment) -> Planned:
    return Planned(
        name=experiment.name,
        state="finished",
        hidden_size=experiment.train.model.hidden_size,
        parameters=count(experiment.train, experiment.config.hidden_size).cell,
        seconds=0.0,
        memory_mb=None,
    )


def _planned(experiment: Experiment, seeds: Sequence[int], cost: Cost) -> Planned:
    train = experiment.train
    assert cost.step_ms is not None
    step_s = float(np.median(cost.step_ms)) / 1e3
    populations = [len(seeds)]
    if needs_tuning(experiment):
        populations.append(len(tuning_grid(experiment.config.tune)[0]))
    return Planned(
        name=experiment.name,
        state="to do",
        hidden_size=cost.hidden_size,
        parameters=count(train, cost.hidden_size).cell,
        seconds=sum(train_seconds(experiment.task, train, step_s, runs) for runs in populations),
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
