"""Trains the experiments of one population and writes their run folders."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import jax
import numpy as np

from gru_bench.analysis.probes import look_within, probe
from gru_bench.config.cell import REFERENCE
from gru_bench.experiments.costs import Cost
from gru_bench.experiments.experiment import Experiment
from gru_bench.experiments.to_result import (
    count,
    curves,
    mean_or_none,
    seed_result,
    spread,
    trial_hparams,
    tuning_grid,
    tuning_result,
)
from gru_bench.measuring.recurrence_choice import with_path
from gru_bench.runs.events import EventLog
from gru_bench.runs.folder import prepare_folder, write_result
from gru_bench.runs.result import MachineEnvironment, Result, Timing, Tuning
from gru_bench.runs.status import Status, clear_status, write_status
from gru_bench.system import machine
from gru_bench.system.interrupts import Interrupts
from gru_bench.system.progress import Bar, Progress
from gru_bench.training.checkpoints import Checkpoints, remove_checkpoints
from gru_bench.training.fit import fit
from gru_bench.training.state import Evaluation, Fit, Snapshot, TrainConfig, with_hidden_size

CHECKPOINTS = "checkpoints"


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
    experiments: Sequence[Experiment],
    costs: dict[str, Cost],
    command: str,
    progress: Progress,
    interrupts: Interrupts,
) -> None:
    """Trains experiments that share every shape, and writes their run folders, each result last.

    What an earlier attempt has trained is taken up from its last checkpoint.

    Args:
        experiments: of one `Experiment.population`.
        costs: of a model of each cell of their setting.
        command: how they were asked for.
        progress: where to show how far they are.
        interrupts: to be answered in training.

    Raises:
        KeyboardInterrupt, SystemExit: Ctrl-C or SIGTERM came, and a checkpoint has been kept.
    """
    began = time.perf_counter()
    first = experiments[0]
    config, task = first.config, first.task
    train = with_hidden_size(first.train, costs[config.cell.name].hidden_size)
    train = with_path(train, task, sum(len(each.config.seeds) for each in experiments))
    for experiment in experiments:
        own = experiment.config
        prepare_folder(own.out_dir, own.run_name(), own.resolved())
    if config.force:
        clear(first)
    searched = train.steps if config.tune.learning_rates else 0
    title = f"{config.task_label} · {config.cell.name} · h{train.model.hidden_size}"
    with (
        progress.run(title, searched + train.steps, task.score.name) as bar,
        ExitStack() as stack,
    ):
        bar.phase = "compiling"
        for experiment in experiments:
            write_status(experiment.folder, running(bar))
        trainer = Trainer(experiments, train, interrupts, progress)

        def show(evaluation: Evaluation, done: int, phase: str) -> None:
            score = mean_or_none(evaluation.scores[task.score.name])
            bar.update(done + evaluation.step, mean_or_none(evaluation.train_loss), score)
            bar.phase = phase
            for experiment in experiments:
                write_status(experiment.folder, running(bar))

        tuning, earlier_s = None, 0.0
        if searched:
            seeds, rates = tuning_grid(config.tune)
            search = trainer.fit("tuning", seeds, rates, lambda seen: show(seen, 0, "tuning"))
            tuning, earlier_s = tuning_result(config.tune, search, task.score), search.earlier_s
            bar.phase = "compiling"
        members = make_members(experiments, tuning, stack)

        def on_evaluation(evaluation: Evaluation) -> None:
            for member in members:
                for run, seed in enumerate(member.seeds, start=member.first):
                    member.events.log(
                        seed, int(evaluation.steps[run]), curves(evaluation, run, config.task_label)
                    )
            show(evaluation, searched, "training")

        every = config.histograms_every
        look = look_within(train, task) if every else None

        def on_snapshot(snapshot: Snapshot) -> None:
            if look is None or every is None or len(snapshot.evaluations) % every:
                return
            params = jax.tree.map(
                lambda leaf: np.asarray(leaf)[: len(seeds)], snapshot.state.params
            )
            within = look(seeds, params)
            for member in members:
                for run, seed in enumerate(member.seeds, start=member.first):
                    step = int(snapshot.evaluations[-1].steps[run])
                    for tag, (counts, edges) in within.items():
                        member.events.histogram(seed, step, f"within/{tag}", counts[run], edges)

        seeds = [seed for member in members for seed in member.seeds]
        rates = [member.learning_rate for member in members for _ in member.seeds]
        trained = trainer.fit("training", seeds, rates, on_evaluation, on_snapshot)
        bar.phase = "looking into the cells"
        began -= earlier_s + trained.earlier_s
        for member in members:
            result = make_result(member, train, trained, tuning, costs, command, began)
            for seed in result.seeds:
                tested = {name: value for name, value in seed.test.items() if value is not None}
                member.events.finish(seed.seed, seed.steps, tested, task.score.name)
            write_result(member.experiment.folder, result)
        for experiment in experiments:
            clear(experiment)


def clear(experiment: Experiment) -> None:
    """Removes what only an unfinished run needs: its checkpoints and its status."""
    remove_checkpoints(experiment.folder / CHECKPOINTS)
    clear_status(experiment.folder)


def running(bar: Bar) -> Status:
    """The status of a run that is as far as its bar."""
    return Status(
        state="running", step=bar.step, total_steps=bar.total_steps, rate=bar.steps_per_s()
    )


class Trainer:
    """Trains the populations of some experiments with checkpoints in the folder of the first."""

    def __init__(
        self,
        experiments: Sequence[Experiment],
        train: TrainConfig,
        interrupts: Interrupts,
        progress: Progress,
    ) -> None:
        self._experiments = experiments
        self._train = train
        self._interrupts = interrupts
        self._progress = progress
        self._folder = experiments[0].folder / CHECKPOINTS

    def fit(
        self,
        name: str,
        seeds: Sequence[int],
        rates: Sequence[float],
        on_evaluation: Callable[[Evaluation], None],
        on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> Fit:
        """`fit`, taken up from its last checkpoint.

        Args:
            name: of the population, which tells its checkpoints from another's.
            seeds: seed of each run.
            rates: learning rate of each run.
            on_evaluation: called after each evaluation, those of earlier attempts included.
            on_snapshot: called after each evaluation of this attempt, with the runs themselves.
        """
        first = self._experiments[0]
        identities = [experiment.config.identity() for experiment in self._experiments]
        kept = Checkpoints(
            self._folder / name,
            repr((identities, self._train, seeds, rates)),
            first.config.checkpoint_s,
            self._progress.note,
        )

        def keep(snapshot: Snapshot) -> None:
            on_snapshot(snapshot)
            # What is complete is kept in any case: what comes after it may be broken off.
            kept.keep(snapshot, now=self._interrupts.requested or not snapshot.goes_on)
            self._interrupts.raise_requested()

        return fit(self._train, first.task, seeds, rates, on_evaluation, kept.resume, keep)


def make_members(
    experiments: Sequence[Experiment], tuning: Tuning | None, stack: ExitStack
) -> list[Member]:
    """The experiments' places in the population, their event logs opened on the stack."""
    members, first = [], 0
    for experiment in experiments:
        config = experiment.config
        rate = tuning.chosen if tuning else config.optim.learning_rate
        events = EventLog(
            experiment.folder,
            config.seeds,
            config.resolved(),
            group=config.run_name(),
            hparams=trial_hparams(config) | {"learning_rate": rate},
        )
        events.arrange(config.task_label, experiment.task.score.name)
        members.append(Member(experiment, rate, first, stack.enter_context(events)))
        first += len(config.seeds)
    return members


def make_result(
    member: Member,
    train: TrainConfig,
    trained: Fit,
    tuning: Tuning | None,
    costs: dict[str, Cost],
    command: str,
    began: float,
) -> Result:
    """All that is known of one experiment, once its population is trained."""
    config, task = member.experiment.config, member.experiment.task
    places = slice(member.first, member.first + len(member.seeds))
    # The seconds of a population are shared out among its runs.
    share = len(member.seeds) / len(trained.steps)
    cost, reference = costs[config.cell.name], costs[REFERENCE]
    params = jax.tree.map(lambda leaf: leaf[places], trained.params)
    probes = probe(train, task, member.seeds, params) if config.probes else None
    return Result(
        identity=config.identity(),
        config=config.resolved(),
        task_label=config.task_label,
        created=machine.now(),
        command=command,
        hidden_size=train.model.hidden_size,
        parameters=count(train, reference.hidden_size),
        score=task.score,
        axis=config.task.axis,
        seeds=[
            seed_result(trained, run, seed, member.learning_rate, task.score.name, share)
            for run, seed in enumerate(member.seeds, start=member.first)
        ],
        timing=Timing(
            compile_s=share * trained.compile_s,
            train_s=share * trained.train_s,
            wall_s=share * (time.perf_counter() - began),
            train_step_ms=spread(cost.step_ms),
            train_step_vs_lstm=spread(cost.step_ms, reference.step_ms),
            latency_us=spread(cost.latency_us),
            latency_vs_lstm=spread(cost.latency_us, reference.latency_us),
        ),
        memory_mb=cost.memory_mb,
        state_bytes=cost.state_bytes,
        tuning=tuning,
        probes=probes,
        environment=MachineEnvironment(**machine.describe(), recurrence=train.model.recurrence),
    )
