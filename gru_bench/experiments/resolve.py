"""Takes configurations to runs about which everything is decided: data, identity, folder, sizes.

What is decided here is decided once; nothing is looked up or replaced afterwards. Three things are
left to the population that a run is trained in, since they depend on how many are trained at once
or on training itself: the implementation of the recurrence, the devices that share a batch, and
the best of several learning rates.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gru_bench.config.cell import REFERENCE, CellConfig, CustomCellConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.labels import labels
from gru_bench.config.user_classes import source_file
from gru_bench.experiments.train_config import make_train_config
from gru_bench.measuring.equal_time import TimeMatch, match_training_time
from gru_bench.measuring.recurrence_choice import check_recurrence
from gru_bench.runs.result import misses_equal_time
from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash, write_atomically
from gru_bench.system.locks import lock
from gru_bench.system.prose import listed
from gru_bench.tasks.base import Task
from gru_bench.tasks.make import make_task
from gru_bench.training.state import TrainConfig, with_hidden_size

SIZES = ".sizes"  # folder below out_dir that holds hidden sizes of equal time


class DataChanged(Exception):  # noqa: N818
    """A file of data is another one than when it was read. The message is one line."""


@dataclass(frozen=True)
class TaskData:
    """A task with its data, and what the files that they came from held when they were read.

    Attributes:
        task: The task.
        files: The files, by the key that names each.
        contents: The hash of each, by the same keys.
    """

    task: Task
    files: Mapping[str, Path]
    contents: Mapping[str, str]

    def check(self) -> None:
        """Raises `DataChanged` unless every file holds what it held when it was read."""
        for key, path in self.files.items():
            if content_hash(path) != self.contents.get(key):
                raise DataChanged(
                    f"{key}={path} has changed since it was read: run the same command again, which"
                    " trains on what it holds now"
                )


@dataclass(frozen=True)
class Experiment:
    """A run about which everything is decided that can be before training.

    Attributes:
        config: What was asked for.
        data: The task with its data.
        train: How each seed is trained.
        identity: Equal for runs that differ in nothing but their seeds and their execution.
        name: The run folder below `out_dir`.
        label: What tells the run from the others that were asked for with it.
        setting: Equal for runs that differ in nothing but the cell and tuning.
        population: Equal for runs whose seeds can be trained as one: no shape differs.
        equal_time_ratio: The training step's time over the LSTM's by which the hidden size was
            chosen; None if it is not one of equal time.
    """

    config: ExperimentConfig
    data: TaskData
    train: TrainConfig
    identity: str
    name: str
    label: str
    setting: str
    population: str
    equal_time_ratio: float | None = None

    @property
    def task(self) -> Task:
        """The task with its data."""
        return self.data.task

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.config.out_dir) / self.name

    def resolved(self) -> dict[str, Any]:
        """Returns what the run is, as plain values with the hashes of what it depends on."""
        return self.config.resolved(self.data.contents)


def resolve(
    configs: Sequence[ExperimentConfig],
    note: Callable[[str], None] = lambda line: None,
    here: bool = True,
    called: Sequence[str] | None = None,
) -> list[Experiment]:
    """Decides everything about some runs. Data that several of them share are read once.

    Args:
        configs: What is asked for.
        note: Takes a line on what a user should know of the data, each line once.
        here: Whether this process is to train them. Else another machine may have other ways to
            compute the recurrence, and other sizes of equal time: these are left open.
        called: The label of each run, where these are only some of those that were asked for.

    Raises:
        UserError: The data are not available, or do not fit the configuration; two cells have one
            name; or this process, which is to train, has not the implementation of the recurrence
            that is asked for.
    """
    require_distinct_cells(configs)
    read: dict[str, TaskData] = {}
    experiments = []
    noted: set[str] = set()

    def note_once(line: str) -> None:
        if line not in noted:
            noted.add(line)
            note(line)

    for config, label in zip(configs, called or labels(configs), strict=True):
        key = repr((config.task, config.corpus, config.batch_size))
        if key not in read:
            read[key] = read_data(config, note_once)
        experiments.append(resolve_one(config, read[key], label))
    if not here:
        return experiments
    check_recurrences(experiments)
    return with_measured_sizes(experiments, note)


def with_measured_sizes(
    experiments: Sequence[Experiment], note: Callable[[str], None]
) -> list[Experiment]:
    """Returns the runs with hidden sizes of equal time, where these are asked for.

    Args:
        experiments: The runs.
        note: Takes a line on each cell that has no size of equal time in reach.
    """
    found: dict[str, dict[str, TimeMatch]] = {}
    for setting in {each.setting for each in experiments if each.config.match == "time"}:
        alike = [each for each in experiments if each.setting == setting]
        found[setting] = measure_sizes(alike)
        names = {each.train.model.cell: each.config.cell.name for each in alike}
        for cell, match in found[setting].items():
            if misses_equal_time(match.ratio):
                note(
                    f"{alike[0].config.task_label}: {names[cell]} misses equal time: with"
                    f" {match.hidden_size} units, the nearest in reach, its training step takes"
                    f" {match.ratio:.2f} of the LSTM's"
                )
    return [
        _with_match(each, found[each.setting][each.train.model.cell])
        if each.setting in found
        else each
        for each in experiments
    ]


def _with_match(experiment: Experiment, match: TimeMatch) -> Experiment:
    train = with_hidden_size(experiment.train, match.hidden_size)
    return dataclasses.replace(experiment, train=train, equal_time_ratio=match.ratio)


def measure_sizes(experiments: Sequence[Experiment]) -> dict[str, TimeMatch]:
    """Returns, for each cell, the hidden size whose training step takes as long as the LSTM's.

    They are kept beside the runs: measured anew, they might come out a little different, and runs
    of one setting would not be of one size.
    """
    first = experiments[0]
    config = first.config
    cells = [each.train.model.cell for each in experiments]
    path = Path(config.out_dir) / SIZES / f"{first.setting}.json"
    # A cell of the user's is another one once its file has changed.
    keys = {cell: f"{cell} {content_hash(source_file(cell))}" for cell in cells}
    with lock(path.with_suffix(".lock"), wait=True):  # Other jobs of the sweep want the same sizes.
        known: dict[str, TimeMatch] = {}
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            known = msgspec.json.decode(path.read_bytes(), type=dict[str, TimeMatch])
        missing = [cell for cell, key in keys.items() if key not in known]
        if missing:
            found = match_training_time(lstm_of(first), missing, first.task)
            known |= {keys[cell]: match for cell, match in found.items()}
            write_atomically(path, msgspec.json.encode(known))
    return {cell: known[keys[cell]] for cell in cells}


def lstm_of(experiment: Experiment) -> TrainConfig:
    """Returns the training of the LSTM that the run is compared with."""
    reference = dataclasses.replace(experiment.config, cell=CellConfig(name=REFERENCE))
    return make_train_config(reference, experiment.task, "auto", experiment.config.remat)


def require_distinct_cells(configs: Sequence[ExperimentConfig]) -> None:
    """Raises `UserError` if two classes have the name of one cell."""
    classes: dict[str, str] = {}
    for cell in (config.cell for config in configs):
        first = classes.setdefault(cell.name, cell.class_reference)
        if first != cell.class_reference:
            raise UserError(
                f"cell.name={cell.name} is not possible for both {first} and"
                f" {cell.class_reference}: give one of them another cell.name"
            )


def check_recurrences(experiments: Sequence[Experiment]) -> None:
    """Raises `UserError` unless each run's cell can be computed as its recurrence says.

    Where other cells of the sweep can, they are named, with the words that run them; not if a cell
    can at some sizes alone, or one is the user's, which takes more words.
    """
    refused: dict[str, tuple[str, UserError]] = {}
    taking: dict[str, None] = {}
    for experiment in experiments:
        name = experiment.config.cell.name
        try:
            check_recurrence(experiment.train.model)
        except UserError as error:
            refused.setdefault(name, (experiment.config.recurrence, error))
        else:
            taking[name] = None
    if not refused:
        return
    way, reason = next(iter(refused.values()))
    has_custom = any(isinstance(each.config.cell, CustomCellConfig) for each in experiments)
    apart = ""
    if taking and not has_custom and refused.keys().isdisjoint(taking):
        verb = "takes" if len(taking) == 1 else "take"
        apart = (
            f"; {listed([*taking])} {verb} it, so make two commands of it, whose runs are reported"
            f" together: cell={','.join(taking)} recurrence={way}, and cell={','.join(refused)}"
            " without recurrence"
        )
    raise UserError(f"{reason}{apart}")


def read_data(config: ExperimentConfig, note: Callable[[str], None]) -> TaskData:
    """Makes the task, and hashes the files that it reads; `note` takes a line on these.

    Raises:
        UserError: The data are not available, or a file changes while it is read.
    """
    files = config.data_files()
    contents = config.hash_data()
    data = TaskData(make_task(config, note, contents), files, contents)
    try:
        data.check()
    except DataChanged as error:
        raise UserError(str(error)) from None
    return data


def resolve_one(config: ExperimentConfig, data: TaskData, label: str) -> Experiment:
    """Decides everything about one run, given its data."""
    train = make_train_config(config, data.task, config.recurrence, config.remat)
    contents = data.contents

    def identity(**changes: Any) -> str:
        return dataclasses.replace(config, **changes).identity(contents)

    one_rate = dataclasses.replace(config.optim, learning_rate=1.0)
    own = config.identity(contents)
    return Experiment(
        config=config,
        data=data,
        train=train,
        identity=own,
        name=config.run_name(contents),
        label=label,
        setting=identity(cell=CellConfig(name=REFERENCE)),
        # A run that is tuned stands alone, since what is chosen is not known beforehand.
        population=own if config.tune.is_asked_for else identity(optim=one_rate),
    )
