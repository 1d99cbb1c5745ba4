"""Trains one population, the runs whose seeds are trained together, and writes their run folders.

In order: prepares the folders, chooses a learning rate where it is tuned, trains all seeds, looks
into the trained cells, and writes each result.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence

import jax

from gru_bench.analysis.probes import probe
from gru_bench.config.cell import REFERENCE
from gru_bench.config.labels import common_label
from gru_bench.experiments.costs import Cost
from gru_bench.experiments.curves import Curves
from gru_bench.experiments.finished import kept_result, missing_seeds
from gru_bench.experiments.part import Part
from gru_bench.experiments.resolve import Experiment
from gru_bench.experiments.to_result import (
    count,
    mean_or_none,
    predictions_on_test,
    saved_model,
    seed_result,
    seed_weights,
    tuning_grid,
    tuning_result,
)
from gru_bench.measuring.recurrence_choice import choose_recurrence
from gru_bench.runs.folder import CHECKPOINTS, TRAINING, TUNING, prepare_folder, write_result
from gru_bench.runs.growth import grown
from gru_bench.runs.result import MachineEnvironment, Result, Timing, Tuning
from gru_bench.runs.status import Status, clear_status, write_status
from gru_bench.runs.weights import keep_weights
from gru_bench.system import machine
from gru_bench.system.errors import UserError
from gru_bench.system.interrupts import Interrupts
from gru_bench.system.progress import Bar, Progress
from gru_bench.tasks.base import preprocessing_of
from gru_bench.training.checkpoints import Checkpoints, remove_checkpoints
from gru_bench.training.fit import fit
from gru_bench.training.state import Evaluation, Fit, Snapshot, with_start

WORTH_KEEPING_S = 5.0  # a complete training that took less is rather repeated than kept


def run_population(
    experiments: Sequence[Experiment],
    costs: dict[str, Cost],
    command: str,
    progress: Progress,
    interrupts: Interrupts,
) -> None:
    """Trains the seeds that some runs lack, all at once, and writes each result last.

    What an earlier attempt has trained is taken up from its last checkpoint.

    Args:
        experiments: Runs of one `Experiment.population`, each of which lacks seeds.
        costs: What a model of each cell of their setting costs.
        command: How they were asked for.
        progress: Where to show how far they are.
        interrupts: Signals to be answered in training.

    Raises:
        KeyboardInterrupt, SystemExit: Ctrl-C or SIGTERM came, and a checkpoint has been kept.
        DataChanged: A file of data is another one than when it was read.
        UserError: A folder holds another run, or seeds of another hidden size.
    """
    PopulationTraining(experiments, costs, command, progress, interrupts).run()


class PopulationTraining:
    """The training of one population, with the arguments of `run_population`.

    `run` does it all, in the order of the methods below.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        costs: dict[str, Cost],
        command: str,
        progress: Progress,
        interrupts: Interrupts,
    ) -> None:
        self._experiments = experiments
        self._first = experiments[0]
        self._earlier = [kept_result(each) for each in experiments]
        self._seeds = [missing_seeds(each) for each in experiments]
        self._train = choose_recurrence(
            self._first.train, self._first.task, members=sum(map(len, self._seeds))
        )
        self._costs = costs
        self._command = command
        self._progress = progress
        self._interrupts = interrupts
        self._began = time.perf_counter()

    def run(self) -> None:
        """Trains, looks into the trained cells and writes the results."""
        self._prepare_folders()
        config = self._first.config
        earlier = self._earlier[0]
        tuning = None if earlier is None else earlier.tuning
        tunes = config.tune.is_asked_for and tuning is None
        steps = self._train.steps * (2 if tunes else 1)
        title = common_label([experiment.label for experiment in self._experiments])
        if (size := self._train.model.hidden_size) != config.hidden_size:
            title += f" · {size} units"
        with self._progress.run(title, steps, self._first.task.score.name) as bar:
            self._show(bar, "compiling")
            if tunes:
                tuning = self._tune(bar)
            if tuning is not None and tuning.chosen_keep is not None:
                self._train = with_start(self._train, tuning.chosen_keep)
            parts = self._parts(tuning)
            with Curves(parts, self._train) as curves:
                trained = self._fit_parts(parts, curves, bar)
                self._first.data.check()
                self._show(bar, "looking into the cells")
                for part in parts:
                    result = self._result(part, trained, tuning)
                    curves.finish(part, result)
                    self._keep_weights(part, trained, result)
                    if part.earlier is not None:
                        result = grown(part.earlier, result)
                    write_result(part.experiment.folder, result)
        for experiment in self._experiments:
            clear(experiment)

    def _prepare_folders(self) -> None:
        size = self._train.model.hidden_size
        for experiment, earlier in zip(self._experiments, self._earlier, strict=True):
            if earlier is not None and earlier.hidden_size != size:
                raise UserError(
                    f"{experiment.folder} has seeds of {earlier.hidden_size} units, and equal time"
                    f" is now at {size}: force=true trains all seeds anew"
                )
            prepare_folder(
                experiment.config.out_dir,
                experiment.name,
                experiment.identity,
                dataclasses.asdict(experiment.config),
                finished=[] if earlier is None else [seed.seed for seed in earlier.seeds],
            )
            if experiment.config.force:
                clear(experiment)

    def _show(self, bar: Bar, phase: str) -> None:
        """Shows what is done now, in the terminal and to `gru-bench status`."""
        bar.phase = phase
        for experiment in self._experiments:
            status = Status(
                state="running",
                label=experiment.label,
                step=bar.step,
                total_steps=bar.total_steps,
                rate=bar.steps_per_s(),
            )
            write_status(experiment.folder, status)

    def _show_evaluation(self, bar: Bar, evaluation: Evaluation, done: int, phase: str) -> None:
        score = mean_or_none(evaluation.scores[self._first.task.score.name])
        bar.update(done + evaluation.step, mean_or_none(evaluation.train_loss), score)
        self._show(bar, phase)

    def _tune(self, bar: Bar) -> Tuning:
        """Chooses learning rate and start; a run that is tuned is alone in its population."""
        tune, rate = self._first.config.tune, self._first.config.optim.learning_rate
        seeds, rates, starts = tuning_grid(tune, rate)
        search = self._fit(
            TUNING,
            seeds,
            rates,
            lambda seen: self._show_evaluation(bar, seen, 0, "tuning"),
            starts=starts,
        )
        self._began -= search.earlier_s
        self._show(bar, "compiling")
        return tuning_result(tune, rate, search, self._first.task.score)

    def _parts(self, tuning: Tuning | None) -> list[Part]:
        """Returns what part of the population each run is."""
        parts, first = [], 0
        for experiment, earlier, seeds in zip(
            self._experiments, self._earlier, self._seeds, strict=True
        ):
            rate = tuning.chosen if tuning else experiment.config.optim.learning_rate
            parts.append(Part(experiment, earlier, seeds, first, rate))
            first += len(seeds)
        return parts

    def _fit_parts(self, parts: Sequence[Part], curves: Curves, bar: Bar) -> Fit:
        """Trains all seeds, with their curves in TensorBoard."""
        done = bar.step

        def on_evaluation(evaluation: Evaluation) -> None:
            curves.add(evaluation)
            self._show_evaluation(bar, evaluation, done, "training")

        seeds = [seed for part in parts for seed in part.seeds]
        rates = [part.learning_rate for part in parts for _ in part.seeds]
        trained = self._fit(TRAINING, seeds, rates, on_evaluation, curves.look_within)
        self._began -= trained.earlier_s
        return trained

    def _fit(
        self,
        name: str,
        seeds: Sequence[int],
        rates: Sequence[float],
        on_evaluation: Callable[[Evaluation], None],
        on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
        starts: Sequence[float] | None = None,
    ) -> Fit:
        """Trains as `fit` does, taken up from the last checkpoint in the folder of the first run.

        Args:
            name: Tells the checkpoints of tuning from those of training.
            seeds: Seed of each member.
            rates: Learning rate of each member.
            on_evaluation: Called after each evaluation, those of earlier attempts included.
            on_snapshot: Called after each evaluation of this attempt, with all members' states.
            starts: The share of the state that each member keeps at the start; None for that of the
                configuration.
        """
        identities = [experiment.identity for experiment in self._experiments]
        kept = Checkpoints(
            self._first.folder / CHECKPOINTS / name,
            repr((identities, self._train, seeds, rates, starts)),
            self._first.config.checkpoint_s,
            self._progress.note,
        )

        def keep(snapshot: Snapshot) -> None:
            on_snapshot(snapshot)
            # What comes after the training may be broken off.
            complete = not snapshot.goes_on and snapshot.train_s >= WORTH_KEEPING_S
            kept.keep(snapshot, now=self._interrupts.requested or complete)
            self._interrupts.raise_requested()

        return fit(
            self._train,
            self._first.task,
            seeds,
            rates,
            on_evaluation,
            kept.resume,
            keep,
            starts,
        )

    def _keep_weights(self, part: Part, trained: Fit, result: Result) -> None:
        experiment, score = part.experiment, result.score.name
        config = experiment.config
        earlier = [] if part.earlier is None else part.earlier.seeds
        keep_weights(
            experiment.folder,
            config.save_weights,
            saved_model(config, experiment.identity, self._train, experiment.task),
            [
                seed_weights(trained, place, seed, score)
                for place, seed in enumerate(result.seeds, start=part.first)
            ],
            finished=[seed.seed for seed in earlier],
        )

    def _result(self, part: Part, trained: Fit, tuning: Tuning | None) -> Result:
        """Returns all that is known of the seeds of one run that were trained now."""
        experiment, train = part.experiment, self._train
        config, task = experiment.config, experiment.task
        # The seconds of a population are shared out among its runs.
        share = len(part.seeds) / len(trained.steps)
        initial, params = jax.tree.map(
            lambda leaf: leaf[part.places], (trained.initial, trained.params)
        )
        rate = part.learning_rate
        cost, reference = self._costs[config.cell.name], self._costs[REFERENCE]
        return Result(
            identity=experiment.identity,
            config=experiment.resolved(),
            margin=config.margin,
            task_label=config.task_label,
            created=machine.now(),
            command=self._command,
            hidden_size=train.model.hidden_size,
            parameters=count(train, reference.hidden_size),
            score=task.score,
            axis=config.task.axis,
            equal_time_ratio=experiment.equal_time_ratio,
            seeds=[
                seed_result(trained, place, seed, rate, task.score.name, share, cost.step_s)
                for place, seed in enumerate(part.seeds, start=part.first)
            ],
            timing=Timing(
                compile_s=share * trained.compile_s,
                train_s=share * trained.train_s,
                wall_s=share * (time.perf_counter() - self._began),
                **cost.timing(reference),
            ),
            memory_mb=cost.memory_mb,
            state_bytes=cost.state_bytes,
            tuning=tuning,
            # Gradients and gates over time are those of a cell that reads one way.
            probes=probe(train, task, part.seeds, initial, params)
            if config.probes and not config.bidirectional
            else None,
            environments=[
                MachineEnvironment(
                    **machine.describe(),
                    recurrence=train.model.recurrence,
                    remat=train.model.remat,
                    launcher=config.launcher.name,
                )
            ],
            class_names=list(preprocessing_of(task).class_names) or None,
            predictions=predictions_on_test(trained, part.places, part.seeds),
        )


def clear(experiment: Experiment) -> None:
    """Removes what only an unfinished run needs: its checkpoints and its status."""
    remove_checkpoints(experiment.folder / CHECKPOINTS)
    clear_status(experiment.folder)
