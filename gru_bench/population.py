"""Trains the experiments of one population and writes their run folders."""

import dataclasses
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import jax
from flax import nnx

from gru_bench import machine, runs
from gru_bench.config import REFERENCE
from gru_bench.costs import Cost
from gru_bench.experiment import Experiment
from gru_bench.model import Model, count_parameters
from gru_bench.outcome import (
    mean_or_none,
    scalars,
    seed_result,
    spread,
    tuning_grid,
    tuning_result,
)
from gru_bench.parameters import stack_parameters
from gru_bench.probes import probe
from gru_bench.progress import Bar, Progress
from gru_bench.tracking import EventLog, trial_hparams
from gru_bench.train import Evaluation, Fit, TrainConfig, fit


@dataclass(frozen=True)
class Member:
    """One experiment's part of a population: a run a seed, from place `first` on."""

    experiment: Experiment
    learning_rate: float
    first: int
    events: EventLog

    @property
    def seeds(self) -> list[int]:
        """Its seeds."""
        seeds: list[int] = self.experiment.config.seeds
        return seeds


def run_population(
    experiments: Sequence[Experiment], costs: dict[str, Cost], command: str, progress: Progress
) -> None:
    """Trains experiments that share every shape, and writes their run folders, each result last.

    Args:
        experiments: of one `Experiment.population`.
        costs: of a model of each cell of their setting.
        command: how they were asked for.
        progress: where to show how far they are.
    """
    began = time.perf_counter()
    first = experiments[0]
    config, task = first.config, first.task
    train = costs[config.cell.name].train
    for experiment in experiments:
        own = experiment.config
        runs.prepare_folder(own.out_dir, own.run_name(), dataclasses.asdict(own))
    tuned = bool(config.tune.learning_rates)
    title = f"{config.task_label} · {config.cell.name} · h{train.model.hidden_size}"
    steps = train.steps * (2 if tuned else 1)
    with progress.run(title, steps, task.score.name) as bar, ExitStack() as stack:
        bar.phase = "compiling"
        tuning = tune(first, train, bar) if tuned else None
        members = make_members(experiments, tuning, stack)

        def on_evaluation(evaluation: Evaluation) -> None:
            for member in members:
                for run, seed in enumerate(member.seeds, start=member.first):
                    member.events.log(seed, int(evaluation.steps[run]), scalars(evaluation, run))
            show(bar, evaluation, task.score.name, steps - train.steps)

        trained = fit(
            train,
            task,
            [seed for member in members for seed in member.seeds],
            [member.learning_rate for member in members for _ in member.seeds],
            on_evaluation,
        )
        bar.phase = "looking into the cells"
        for member in members:
            result = make_result(member, trained, tuning, costs, command, began)
            for seed in result.seeds:
                tested = {name: value for name, value in seed.test.items() if value is not None}
                member.events.finish(seed.seed, seed.steps, tested)
            runs.write_result(member.experiment.folder, result)


def tune(experiment: Experiment, train: TrainConfig, bar: Bar) -> runs.Tuning:
    """Trains the grid of learning rates as one population and chooses one on validation data."""
    grid, score = experiment.config.tune, experiment.task.score
    seeds, rates = tuning_grid(grid)

    def on_evaluation(evaluation: Evaluation) -> None:
        show(bar, evaluation, score.name)
        bar.phase = "tuning"

    trained = fit(train, experiment.task, seeds, rates, on_evaluation)
    bar.phase = "compiling"
    return tuning_result(grid, trained, score)


def make_members(
    experiments: Sequence[Experiment], tuning: runs.Tuning | None, stack: ExitStack
) -> list[Member]:
    """The experiments' places in the population, their event logs opened on the stack."""
    members, first = [], 0
    for experiment in experiments:
        config = experiment.config
        rate = tuning.chosen if tuning else config.optim.learning_rate
        events = EventLog(
            experiment.folder,
            config.seeds,
            dataclasses.asdict(config),
            group=config.identity(),
            hparams=trial_hparams(config) | {"learning_rate": rate},
        )
        members.append(Member(experiment, rate, first, stack.enter_context(events)))
        first += len(config.seeds)
    return members


def show(bar: Bar, evaluation: Evaluation, score: str, done: int = 0) -> None:
    """Moves the bar; `done` are the steps that came before."""
    value = mean_or_none(evaluation.scores[score])
    bar.update(done + evaluation.step, mean_or_none(evaluation.train_loss), value)


def make_result(
    member: Member,
    trained: Fit,
    tuning: runs.Tuning | None,
    costs: dict[str, Cost],
    command: str,
    began: float,
) -> runs.Result:
    """All that is known of one experiment, once its population is trained."""
    config, task = member.experiment.config, member.experiment.task
    places = slice(member.first, member.first + len(member.seeds))
    # The seconds of a population are shared out among its runs.
    share = len(member.seeds) / len(trained.steps)
    cost, reference = costs[config.cell.name], costs[REFERENCE]
    params = jax.tree.map(lambda leaf: leaf[places], trained.params)
    probes = probe(cost.train, task, member.seeds, params) if config.probes else None
    return runs.Result(
        identity=config.identity(),
        config=dataclasses.asdict(config),
        task_label=config.task_label,
        created=machine.now(),
        command=command,
        hidden_size=cost.train.model.hidden_size,
        parameters=count(cost.train, reference.train),
        score=runs.Score(**dataclasses.asdict(task.score)),
        seeds=[
            seed_result(trained, run, seed, member.learning_rate, task.score.name)
            for run, seed in enumerate(member.seeds, start=member.first)
        ],
        timing=runs.Timing(
            compile_s=share * trained.compile_s,
            train_s=share * trained.train_s,
            wall_s=share * (time.perf_counter() - began),
            train_step_ms=spread(cost.step.step_ms),
            train_step_vs_lstm=spread(cost.step.step_ms / reference.step.step_ms),
            latency_us=spread(cost.latency_us),
            latency_vs_lstm=spread(cost.latency_us / reference.latency_us),
        ),
        memory_mb=cost.step.memory_mb,
        state_bytes=cost.state_bytes,
        tuning=tuning,
        probes=probes,
        environment=runs.MachineEnvironment(**machine.describe()),
    )


def count(train: TrainConfig, reference: TrainConfig) -> runs.Parameters:
    """Parameters of the recurrent layers and of the whole model, counted in the real tree."""
    model = nnx.eval_shape(lambda: Model(train.model, rngs=nnx.Rngs(0)))
    lstm = reference.model
    return runs.Parameters(
        cell=count_parameters(model.layers),
        lstm=stack_parameters(REFERENCE, lstm.cell_input_size, lstm.hidden_size, lstm.layers),
        total=count_parameters(model),
    )
