"""A configuration with all that follows from it: its data, its model, how it is trained."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.config.cell import REFERENCE, CellConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.tasks import TokenTaskConfig
from gru_bench.measuring.recurrence_choice import check_path
from gru_bench.model.counts import matched_hidden_size
from gru_bench.model.model import ModelConfig, cell_class
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import Task
from gru_bench.tasks.make import make_task
from gru_bench.training.state import TrainConfig

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
        """Equal for experiments that differ in nothing but the cell, the seeds and tuning."""
        changes: dict[str, Any] = {"cell": CellConfig(name=REFERENCE), "seeds": 1}
        return dataclasses.replace(self.config, **changes).identity()

    @property
    def population(self) -> str:
        """Equal for experiments whose runs can be trained as one: no shape differs.

        One that is tuned stands alone, for its learning rate is not known beforehand.
        """
        if self.config.tune.learning_rates:
            return self.config.identity()
        optim = dataclasses.replace(self.config.optim, learning_rate=1.0)
        return dataclasses.replace(self.config, optim=optim, seeds=1).identity()


def make_experiments(
    configs: Sequence[ExperimentConfig], note: Callable[[str], None] = lambda line: None
) -> list[Experiment]:
    """Loads the data of each configuration, once where several share it.

    Args:
        configs: What to make experiments of.
        note: Takes a line on what a user should know of the data, each line once.

    Raises:
        UserError: The data cannot be had, or do not fit the configuration; or two cells go by one
            name; or this process, which is to train, cannot compute the recurrence in the way that
            is asked for.
    """
    classes: dict[str, str] = {}
    for cell in (config.cell for config in configs):
        first = classes.setdefault(cell.name, cell.implementation)
        if first != cell.implementation:
            raise UserError(
                f"cell.name={cell.name} is not possible for both {first} and"
                f" {cell.implementation}: give one of them another cell.name"
            )
    tasks: dict[str, Task] = {}
    experiments = []
    noted: set[str] = set()

    def note_once(line: str) -> None:
        if line not in noted:
            noted.add(line)
            note(line)

    for config in configs:
        data = repr((config.task, config.corpus, config.batch_size))
        if data not in tasks:
            tasks[data] = make_task(config, note_once)
        train = make_train_config(config, tasks[data])
        if config.launcher.name == "local":  # else a job may have a card that is not to be had here
            check_path(train.model)
        experiments.append(Experiment(config, tasks[data], train))
    return experiments


def make_train_config(config: ExperimentConfig, task: Task) -> TrainConfig:
    """What training needs to know of a configuration: counts of steps instead of epochs."""
    if task.examples is not None and task.examples < config.batch_size:
        raise UserError(
            f"batch_size={config.batch_size} is not possible: batch_size must be at most"
            f" {task.examples}, the examples to train on"
        )
    if task.examples is None:
        if config.steps is None:
            raise UserError(
                f"epochs={config.epochs} is not possible: task.name={config.task.name} is drawn"
                " without end, so give steps instead"
            )
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
    cell, embedding_size = config.cell, None
    cell_class(cell.implementation)  # what is wrong with one of the user's own is said here
    if task.tokens and isinstance(config.task, TokenTaskConfig):
        embedding_size = config.task.embedding_size
    chrono_length = cell.chrono_length or task.sequence_length
    model = ModelConfig(
        cell=cell.implementation,
        input_size=task.input_size,
        output_size=task.output_size,
        hidden_size=config.hidden_size,
        layers=config.layers,
        readout=task.readout,
        embedding_size=embedding_size,
        forget_bias=cell.forget_bias,
        chrono_length=chrono_length if cell.initialisation == "chrono" else None,
        dtype=config.precision,
        recurrence=config.recurrence,
    )
    # A size of equal time is measured later, in turns with the LSTM.
    if config.match == "time":
        return model
    size = matched_hidden_size(
        model.cell,
        model.cell_input_size,
        config.hidden_size,
        config.layers,
        config.match,
        config.budget,
    )
    return dataclasses.replace(model, hidden_size=size)
