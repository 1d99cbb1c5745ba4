"""Configurations in, finished run folders out: wiring only."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flax import nnx

from gru_bench import machine, runs
from gru_bench.config import (
    AddingConfig,
    CellConfig,
    CopyConfig,
    CountingConfig,
    ExperimentConfig,
    TextConfig,
)
from gru_bench.corpora import load_corpus
from gru_bench.errors import UserError
from gru_bench.measure import StepCost, measure_training_steps
from gru_bench.model import Model, ModelConfig, count_parameters
from gru_bench.parameters import stack_parameters
from gru_bench.progress import Progress
from gru_bench.tasks.adding import AddingTask
from gru_bench.tasks.base import Split, Task
from gru_bench.tasks.copy import CopyTask
from gru_bench.tasks.counting import CountingTask
from gru_bench.tasks.text import make_text_task
from gru_bench.tracking import EventLog, trial_hparams
from gru_bench.train import NEVER, Evaluation, Fit, TrainConfig, fit

REFERENCE = "lstm"  # the cell that the others are compared with
EVALUATIONS = 20  # of a synthetic task, unless evaluate_every says otherwise


@dataclass(frozen=True)
class Experiment:
    """A configuration with what follows from it and its data."""

    config: ExperimentConfig
    task: Task
    train: TrainConfig

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.config.out_dir) / self.config.run_name()

    @property
    def setting(self) -> str:
        """Equal for experiments that differ in nothing but the cell and the seeds."""
        return dataclasses.replace(self.config, cell=CellConfig(name=REFERENCE), seeds=1).identity()


def run_experiments(
    configs: Sequence[ExperimentConfig], command: str, quiet: bool = False
) -> list[Path]:
    """Runs what is not yet finished.

    Everything that can be wrong with the configurations, their data and their folders is found
    before the first program is compiled.

    Args:
        configs: what to run.
        command: how it was asked for, to be noted in the results.
        quiet: no progress bar.

    Returns:
        The run folders of all configurations, those finished earlier included, in their order.

    Raises:
        UserError: A configuration is not possible.
    """
    experiments = make_experiments(configs)
    for out_dir in {experiment.config.out_dir for experiment in experiments}:
        runs.require_writable(out_dir)
    waiting = [
        experiment
        for experiment in experiments
        if experiment.config.force
        or not runs.is_finished(experiment.folder, experiment.config.identity())
    ]
    costs: dict[str, dict[str, StepCost]] = {}
    with Progress(len(waiting), quiet=quiet) as progress:
        for experiment in experiments:
            if experiment not in waiting:
                progress.note(f"finished already: {experiment.folder}")
                continue
            if experiment.setting not in costs:
                progress.note(f"{experiment.config.task_label}: timing one step of each cell")
                alike = [e for e in waiting if e.setting == experiment.setting]
                costs[experiment.setting] = measure_cells(alike)
            run_experiment(experiment, costs[experiment.setting], command, progress)
    return [experiment.folder for experiment in experiments]


def make_experiments(configs: Sequence[ExperimentConfig]) -> list[Experiment]:
    """Loads the data of each configuration, once where several share it.

    Raises:
        UserError: The data cannot be had, or do not fit the configuration.
    """
    tasks: dict[str, Task] = {}
    experiments = []
    for config in configs:
        data = repr((config.task, config.corpus, config.batch_size))
        if data not in tasks:
            tasks[data] = make_task(config)
        experiments.append(Experiment(config, tasks[data], make_train_config(config, tasks[data])))
    return experiments


def make_task(config: ExperimentConfig) -> Task:
    """The task, with its data."""
    match config.task:
        case CopyConfig(lag=lag):
            return CopyTask(lag=lag, batch_size=config.batch_size)
        case AddingConfig(length=length):
            return AddingTask(length=length, batch_size=config.batch_size)
        case CountingConfig(max_n=max_n, test_max_n=test_max_n):
            return CountingTask(max_n=max_n, test_max_n=test_max_n, batch_size=config.batch_size)
        case TextConfig():
            assert config.corpus is not None
            return make_text_task(config.task, load_corpus(config.corpus), config.batch_size)
    raise UserError(f"task.name={config.task.name} is not known")


def make_train_config(config: ExperimentConfig, task: Task) -> TrainConfig:
    """What training needs to know of a configuration: counts of steps instead of epochs."""
    if task.examples is None:
        assert config.steps is not None
        steps = config.steps
        evaluate_every = -(-steps // EVALUATIONS)
    else:
        evaluate_every = task.examples // config.batch_size
        steps = config.steps or (config.epochs or 1) * evaluate_every
    return TrainConfig(
        model=make_model_config(config, task),
        optim=config.optim,
        steps=steps,
        evaluate_every=min(config.evaluate_every or evaluate_every, steps),
        patience=config.patience,
        stop_when_solved=config.stop_when_solved,
    )


def make_model_config(config: ExperimentConfig, task: Task) -> ModelConfig:
    """The sizes and choices of the model for a task."""
    cell = config.cell
    chrono_length = cell.chrono_length or task.sequence_length
    return ModelConfig(
        cell=cell.name,
        input_size=task.input_size,
        output_size=task.output_size,
        hidden_size=config.hidden_size,
        layers=config.layers,
        readout=task.readout,
        embedding_size=config.task.embedding_size if isinstance(config.task, TextConfig) else None,
        forget_bias=cell.forget_bias,
        chrono_length=chrono_length if cell.initialisation == "chrono" else None,
        dtype=config.precision,
    )


def measure_cells(experiments: Sequence[Experiment]) -> dict[str, StepCost]:
    """Costs of a training step for each cell of one setting, and for the LSTM in any case."""
    first = experiments[0]
    configs = {experiment.config.cell.name: experiment.train for experiment in experiments}
    if REFERENCE not in configs:
        reference = dataclasses.replace(first.config, cell=CellConfig(name=REFERENCE))
        configs[REFERENCE] = make_train_config(reference, first.task)
    return measure_training_steps(configs, first.task)


def run_experiment(
    experiment: Experiment, costs: dict[str, StepCost], command: str, progress: Progress
) -> None:
    """Trains one configuration with all its seeds and writes its run folder, the result last."""
    config, task, train = experiment.config, experiment.task, experiment.train
    settings = dataclasses.asdict(config)
    began = time.perf_counter()
    folder = runs.prepare_folder(config.out_dir, config.run_name(), settings)
    title = f"{config.task_label} · {config.cell.name} · h{config.hidden_size}"
    events = EventLog(
        folder, config.seeds, settings, group=config.identity(), hparams=trial_hparams(config)
    )
    with events, progress.run(title, train.steps, task.score.name) as bar:
        progress.phase("compiling")

        def on_evaluation(evaluation: Evaluation) -> None:
            for run, seed in enumerate(config.seeds):
                events.log(seed, int(evaluation.steps[run]), scalars(evaluation, run))
            score = mean_or_none(evaluation.scores[task.score.name])
            bar.update(evaluation.step, mean_or_none(evaluation.train_loss), score)

        rates = [config.optim.learning_rate] * len(config.seeds)
        trained = fit(train, task, config.seeds, rates, on_evaluation)
        seeds = [seed_result(experiment, trained, run) for run in range(len(config.seeds))]
        for seed in seeds:
            tested = {name: score for name, score in seed.test.items() if score is not None}
            events.finish(seed.seed, seed.steps, tested)
    cost, reference = costs[config.cell.name], costs[REFERENCE]
    result = runs.Result(
        identity=config.identity(),
        config=settings,
        task_label=config.task_label,
        created=machine.now(),
        command=command,
        parameters=count(experiment),
        score=runs.Score(**dataclasses.asdict(task.score)),
        seeds=seeds,
        timing=runs.Timing(
            compile_s=trained.compile_s,
            train_s=trained.train_s,
            wall_s=time.perf_counter() - began,
            train_step_ms=spread(cost.step_ms),
            train_step_vs_lstm=spread(cost.step_ms / reference.step_ms),
        ),
        memory_mb=cost.memory_mb,
        environment=runs.MachineEnvironment(**machine.describe()),
    )
    runs.write_result(folder, result)


def scalars(evaluation: Evaluation, run: int) -> dict[str, float]:
    """One run's numbers of an evaluation, by their TensorBoard tags."""
    return {
        "train/loss": float(evaluation.train_loss[run]),
        "train/gradient_norm": float(evaluation.gradient_norm[run]),
        "train/learning_rate": float(evaluation.learning_rate[run]),
    } | {f"validation/{name}": float(score[run]) for name, score in evaluation.scores.items()}


def seed_result(experiment: Experiment, trained: Fit, run: int) -> runs.SeedResult:
    """One run of the population as it goes into the result."""
    config, score = experiment.config, experiment.task.score.name
    # A run that has stopped takes part in later evaluations without having changed.
    seen = [
        evaluation
        for i, evaluation in enumerate(trained.evaluations)
        if i == 0 or trained.evaluations[i - 1].active[run]
    ]

    def reached(step: int) -> int | None:
        return None if step == NEVER else int(step)

    def scores(split: Split) -> dict[str, float | None]:
        return {name: float(values[run]) for name, values in trained.scores[split].items()}

    solved_step = reached(trained.solved_step[run])
    return runs.SeedResult(
        seed=config.seeds[run],
        learning_rate=config.optim.learning_rate,
        test=scores("test"),
        validation=scores("validation"),
        train=scores("train"),
        best_step=reached(trained.best_step[run]),
        steps=int(trained.steps[run]),
        solved_step=solved_step,
        solved_s=next((e.time_s for e in seen if e.steps[run] == solved_step), None),
        diverged_step=reached(trained.diverged_step[run]),
        curve=runs.Curve(
            step=[int(e.steps[run]) for e in seen],
            time_s=[e.time_s for e in seen],
            train_loss=[float(e.train_loss[run]) for e in seen],
            validation_loss=[float(e.scores["loss"][run]) for e in seen],
            validation_score=[float(e.scores[score][run]) for e in seen],
            gradient_norm=[float(e.gradient_norm[run]) for e in seen],
            learning_rate=[float(e.learning_rate[run]) for e in seen],
        ),
    )


def count(experiment: Experiment) -> runs.Parameters:
    """Parameters of the recurrent layers and of the whole model, counted in the real tree."""
    config = experiment.train.model
    model = nnx.eval_shape(lambda: Model(config, rngs=nnx.Rngs(0)))
    return runs.Parameters(
        cell=count_parameters(model.layers),
        lstm=stack_parameters(REFERENCE, config.cell_input_size, config.hidden_size, config.layers),
        total=count_parameters(model),
    )


def spread(values: np.ndarray) -> runs.Spread:
    """Median and quartiles."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return runs.Spread(median=float(median), low=float(low), high=float(high), repeats=len(values))


def mean_or_none(values: np.ndarray) -> float | None:
    """Mean of the finite values, or None if there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None
