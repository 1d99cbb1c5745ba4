"""Conversions from what training returns to what the run folder keeps."""

import dataclasses
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import jax
import numpy as np
from flax import nnx

from gru_bench.config.cell import REFERENCE, CustomCellConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.optim import TuneConfig
from gru_bench.config.score import Score
from gru_bench.model.counts import stack_parameters
from gru_bench.model.model import Model, count_parameters
from gru_bench.model.parameters import named_arrays
from gru_bench.runs.events import make_tag
from gru_bench.runs.predictions import Predictions
from gru_bench.runs.result import Curve, Parameters, SeedResult, Tuning
from gru_bench.runs.weights import FileFormat, SavedModel, SeedWeights
from gru_bench.system.machine import versions
from gru_bench.system.prose import counted
from gru_bench.tasks.base import Split, Task, preprocessing_of
from gru_bench.training.state import NEVER, Evaluation, Fit, TrainConfig


def seed_result(
    trained: Fit,
    place: int,
    seed: int,
    learning_rate: float,
    score: str,
    share: float,
    step_s: float | None = None,
) -> SeedResult:
    """Returns the result of one seed of a population.

    Args:
        trained: The population.
        place: The member's place in it.
        seed: The member's seed.
        learning_rate: The member's learning rate.
        score: Name of the task's main score.
        share: The share of the population's seconds that its experiment is charged with.
        step_s: Seconds of a training step, measured in turns with the other cells; None if it is
            not measured.
    """
    # A member that has stopped takes part in later evaluations without having changed.
    seen = [
        evaluation
        for i, evaluation in enumerate(trained.evaluations)
        if i == 0 or trained.evaluations[i - 1].active[place]
    ]

    def reached(step: int) -> int | None:
        return None if step == NEVER else int(step)

    def scores(split: Split) -> dict[str, float | None]:
        return {name: float(values[place]) for name, values in trained.scores[split].items()}

    solved_step = reached(trained.solved_step[place])
    return SeedResult(
        seed=seed,
        learning_rate=learning_rate,
        test=scores("test"),
        validation=scores("validation"),
        train=scores("train"),
        best_step=reached(trained.best_step[place]),
        steps=int(trained.steps[place]),
        solved_step=solved_step,
        solved_s=None if step_s is None or solved_step is None else solved_step * step_s,
        diverged_step=reached(trained.diverged_step[place]),
        curve=Curve(
            step=[int(e.steps[place]) for e in seen],
            time_s=[share * e.time_s for e in seen],
            train_loss=[float(e.train_loss[place]) for e in seen],
            validation_loss=[float(e.scores["loss"][place]) for e in seen],
            validation_score=[float(e.scores[score][place]) for e in seen],
            gradient_norm=[float(e.gradient_norm[place]) for e in seen],
            learning_rate=[float(e.learning_rate[place]) for e in seen],
        ),
    )


def predictions_on_test(trained: Fit, places: slice, seeds: Sequence[int]) -> Predictions | None:
    """Returns what some members predict on the test split; None where they share none.

    Args:
        trained: The population.
        places: The places of the members in it.
        seeds: Theirs.
    """
    predicted = trained.predicted
    if predicted is None:
        return None
    # All members are tested on the same examples.
    real = np.asarray(predicted.real[0])
    return Predictions(
        seeds=np.array(seeds),
        given=np.asarray(predicted.given[places])[:, real],
        actual=None if predicted.actual is None else np.asarray(predicted.actual[0])[real],
    )


class TuningGrid(NamedTuple):
    """The members of a search: rate by rate, start by start, with every tuning seed.

    Attributes:
        seeds: The seed of each member.
        learning_rates: The learning rate of each.
        keeps: The share of the state that each keeps at the start; None if it is not tuned.
    """

    seeds: list[int]
    learning_rates: list[float]
    keeps: list[float] | None


def tuning_grid(tune: TuneConfig, learning_rate: float) -> TuningGrid:
    """Returns the members of a search.

    Args:
        tune: The rates and starts to be tried.
        learning_rate: The rate of all of them if rates are not tuned.
    """
    members = list(product(tune.learning_rates or [learning_rate], tune.starts, tune.tuning_seeds))
    keeps = [keep for _, keep, _ in members if keep is not None]
    return TuningGrid(
        seeds=[seed for _, _, seed in members],
        learning_rates=[rate for rate, _, _ in members],
        keeps=keeps or None,
    )


def tuning_result(tune: TuneConfig, learning_rate: float, trained: Fit, score: Score) -> Tuning:
    """Returns the rate and start of the best mean validation score; of equals, of the least loss.

    A run without a finite score counts with the baseline, or as the worst where there is none; one
    without a finite loss counts as the worst.

    Args:
        tune: The rates and starts that were tried.
        learning_rate: The rate of all members if rates were not tuned.
        trained: The population of `tuning_grid`.
        score: The task's main score.
    """
    candidates = list(product(tune.learning_rates or [learning_rate], tune.starts))
    shape = (len(candidates), tune.seeds)
    scores = trained.scores["validation"][score.name].reshape(shape)
    losses = trained.scores["validation"]["loss"].reshape(shape)
    sign = 1 if score.higher_is_better else -1
    baseline = -sign * np.inf if score.baseline is None else score.baseline
    means = sign * np.where(np.isfinite(scores), scores, baseline).mean(1)
    mean_losses = np.where(np.isfinite(losses), losses, np.inf).mean(1)
    best = max(range(len(means)), key=lambda i: (means[i], -mean_losses[i]))
    chosen, chosen_keep = candidates[best]
    return Tuning(
        learning_rates=tune.learning_rates or [learning_rate],
        keeps=tune.keeps,
        seeds=tune.tuning_seeds,
        scores=scores.tolist(),
        chosen=chosen,
        chosen_keep=chosen_keep,
    )


def mean_or_none(values: Sequence[float] | np.ndarray) -> float | None:
    """Returns the mean of the finite values, None if there is none."""
    finite = np.asarray(values)[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def count(train: TrainConfig, lstm_size: int) -> Parameters:
    """Returns the parameters of the recurrent layers and of the model, counted in its tree."""
    model = nnx.eval_shape(lambda: Model(train.model, rngs=nnx.Rngs(0)))
    return Parameters(
        cell=count_parameters(model.layers),
        lstm=stack_parameters(
            REFERENCE,
            train.model.cell_input_size,
            lstm_size,
            train.model.layers,
            train.model.bidirectional,
            train.model.layer_norm,
        ),
        total=count_parameters(model),
    )


def trial_hparams(config: ExperimentConfig) -> dict[str, str | float]:
    """Returns the settings by which TensorBoard's HParams page tells trials apart.

    Every run has every key, since the page drops runs that lack one, and there are so few that the
    scores, which come after them, are on the first screen. The seed is not among them: the seeds of
    one configuration are the sessions of one trial.
    """
    axis = (config.task.axis or "").removeprefix("task.")
    setting = [
        config.task_label + (f" {axis}={config.task.difficulty:g}" if axis else ""),
        config.optim.name,
        f"batches of {config.batch_size}",
        counted(config.layers, "layer"),
    ]
    return {
        "cell": config.cell.name,
        # The page shows a number as 64.000. As texts of one width, numbers sort as they should.
        "hidden_size": f"{config.hidden_size:6}",
        "learning_rate": config.optim.learning_rate,
        "setting": ", ".join(setting),
    }


def curves(evaluation: Evaluation, place: int, task: str) -> dict[str, float]:
    """Returns one member's numbers of an evaluation by their tags, such as `train/<task>/loss`.

    The task is among them because a chart shows all runs that have its tag: losses of different
    tasks have nothing to say to each other.

    Args:
        evaluation: The evaluation of a population.
        place: The member's place in it.
        task: The task's label.
    """
    numbers = {
        make_tag("train", task, "loss"): evaluation.train_loss,
        make_tag("train", task, "gradient_norm"): evaluation.gradient_norm,
        make_tag("train", task, "learning_rate"): evaluation.learning_rate,
    } | {make_tag("validation", task, name): score for name, score in evaluation.scores.items()}
    return {tag: float(values[place]) for tag, values in numbers.items()}


def saved_model(
    config: ExperimentConfig, identity: str, train: TrainConfig, task: Task
) -> SavedModel:
    """Returns all of a run's model but its parameters, so that other machines can use it."""
    corpus, cell = config.corpus, config.cell
    return SavedModel(
        identity=identity,
        task=config.task_label,
        cell=cell.name,
        cell_source=cell.source if isinstance(cell, CustomCellConfig) else None,
        # How the recurrence was computed changes rounding alone, and is not available everywhere.
        architecture=dataclasses.asdict(train.model.on_any_machine()),
        preprocessing=preprocessing_of(task),
        file_format=None
        if corpus is None
        else FileFormat(
            **{each.name: getattr(corpus, each.name) for each in dataclasses.fields(FileFormat)}
        ),
        score=task.score,
        versions=versions(),
    )


def seed_weights(trained: Fit, run: int, seed: SeedResult, score: str) -> SeedWeights:
    """Returns the best parameters of one member of a population.

    Args:
        trained: The population.
        run: Its place in it.
        seed: Its result.
        score: The name of the task's main score.
    """
    params = jax.tree.map(lambda leaf: np.asarray(leaf)[run], trained.params)
    validation = seed.validation[score]
    finite = validation is not None and np.isfinite(validation)
    return SeedWeights(seed.seed, validation if finite else None, named_arrays(params))
