"""The plan of a sweep: its runs, how large they are, and what time and memory they would take."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gru_bench.config.experiment import ExperimentConfig
from gru_bench.experiments.finished import missing_seeds, needs_tuning
from gru_bench.experiments.memory_check import fits
from gru_bench.experiments.resolve import Experiment, resolve
from gru_bench.experiments.seed_budget import describe_seed_budget
from gru_bench.experiments.to_result import count, tuning_grid
from gru_bench.measuring.recurrence_choice import choose_recurrence
from gru_bench.measuring.rounds import by_round, race
from gru_bench.measuring.training_step import STEPS_A_CALL, TrainingSteps
from gru_bench.system.machine import pinned_settings
from gru_bench.system.progress import Progress, show_clock
from gru_bench.system.prose import counted
from gru_bench.tasks.base import Task
from gru_bench.training.devices import devices_per_member
from gru_bench.training.state import TrainConfig

FORWARD_SHARE = 1 / 3  # share of a training step; the backward pass takes about two forward ones
PROGRAMS = 3  # start, training and test of a population, which take about as long to compile
ROUNDS = 3  # rounds of measuring a step; an estimate needs no more


@dataclass(frozen=True)
class MeasuredStep:
    """A training step of one run, as measured.

    Attributes:
        seconds: The seconds of one step.
        compile_s: Seconds to compile the program that was measured.
        memory_mb: Megabytes that it holds; None where the backend does not tell.
    """

    seconds: float
    compile_s: float
    memory_mb: float | None


@dataclass(frozen=True)
class Planned:
    """One run of a sweep.

    Attributes:
        name: What tells it from the others.
        state: Whether there is a result already, or the run is too large for this machine.
        hidden_size: Units of each recurrent layer.
        parameters: The parameters of all recurrent layers.
        seconds: The seconds that it would take with compilation; 0 if nothing is to be done.
        memory_mb: Megabytes that its training steps would hold, a device taking its members one
            after another; None where the backend does not tell.
    """

    name: str
    state: Literal["finished", "to do", "too large"]
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
        if seeds and fits(experiment.train, experiment.task, len(seeds)):
            settings.setdefault(experiment.setting, []).append(experiment)
    steps = {setting: measure(alike) for setting, alike in settings.items()}
    sharing = Counter(experiment.population for alike in settings.values() for experiment in alike)
    planned = []
    for experiment, seeds in zip(experiments, missing, strict=True):
        if experiment in settings.get(experiment.setting, []):
            step = steps[experiment.setting][experiment.config.cell.name]
            shared = sharing[experiment.population]
            planned.append(_planned(experiment, seeds, step, PROGRAMS * step.compile_s / shared))
        else:
            planned.append(_nothing_to_do(experiment, "too large" if seeds else "finished"))
    return planned


def measure(experiments: Sequence[Experiment]) -> dict[str, MeasuredStep]:
    """Measures a training step of each cell of one setting, by the names of the cells."""
    task = jax.device_put(experiments[0].task, jax.devices()[0])
    trains = {experiment.config.cell.name: experiment.train for experiment in experiments}
    found = {}
    for name, train in trains.items():
        began = time.perf_counter()
        training = TrainingSteps(choose_recurrence(train, task, members=1), task)
        compile_s = time.perf_counter() - began
        calls = race({name: training}, ROUNDS, max_rounds=ROUNDS, limit_s=0.0)
        step_s = float(np.median(by_round(calls[name]))) / STEPS_A_CALL
        found[name] = MeasuredStep(step_s, compile_s, training.memory_mb)
    return found


def _nothing_to_do(experiment: Experiment, state: Literal["finished", "too large"]) -> Planned:
    return Planned(
        name=experiment.label,
        state=state,
        hidden_size=experiment.train.model.hidden_size,
        parameters=count(experiment.train, experiment.config.hidden_size).cell,
        seconds=0.0,
        memory_mb=None,
    )


def _planned(
    experiment: Experiment, seeds: Sequence[int], step: MeasuredStep, compile_s: float
) -> Planned:
    train = experiment.train
    populations = [len(seeds)]
    if needs_tuning(experiment):
        tune, optim = experiment.config.tune, experiment.config.optim
        populations.append(len(tuning_grid(tune, optim.learning_rate).seeds))
    training = [
        train_seconds(experiment.task, train, step.seconds, members) for members in populations
    ]
    return Planned(
        name=experiment.label,
        state="to do",
        hidden_size=train.model.hidden_size,
        parameters=count(train, train.model.hidden_size).cell,
        seconds=sum(training) + len(populations) * compile_s,
        memory_mb=step.memory_mb,
    )


def train_seconds(task: Task, train: TrainConfig, step_s: float, members: int) -> float:
    """Returns the seconds of training with its evaluations.

    Devices take their members one after another, or share the batches of a member.
    """
    items = jax.eval_shape(lambda: task.evaluation(jax.random.key(0), "validation"))
    batches: int = jax.tree.leaves(items)[0].shape[0]
    evaluations = -(-train.steps // train.evaluate_every)
    steps = train.steps + evaluations * batches * FORWARD_SHARE
    shared = devices_per_member(train, members, task.batch_size)
    rounds = -(-members // (jax.device_count() // shared))
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
        f"{counted(len(planned), 'run')}, {len(todo)} to do: about {total} with compilation on"
        f" {counted(jax.device_count(), f'{jax.devices()[0].platform} device')}, one run after"
        " another"
    )
