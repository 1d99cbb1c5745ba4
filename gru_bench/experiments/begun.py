"""What an attempt that was broken off has begun, so that the same command goes on with it.

A checkpoint is of all seeds that were trained together. Asked for more seeds, a run is first
finished with those that were begun; the others are trained beside them.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from gru_bench.config.execution import parse_seeds
from gru_bench.experiments.finished import missing_seeds
from gru_bench.experiments.resolve import Experiment
from gru_bench.runs.folder import CHECKPOINTS, TRAINING, asked_seeds
from gru_bench.system.errors import UserError
from gru_bench.training.checkpoints import numbers


def begun_seeds(folder: Path, identity: str) -> list[int]:
    """Returns the seeds that a run was last asked for if its training has left checkpoints.

    Args:
        folder: The run folder.
        identity: The run's identity; nothing was begun of it in the folder of another.
    """
    return _asked_seeds(folder, identity) if numbers(folder / CHECKPOINTS / TRAINING) else []


def goes_on(experiment: Experiment) -> bool:
    """Whether seeds were begun that a run still lacks, whichever seeds the experiment asks for."""
    begun = begun_seeds(experiment.folder, experiment.identity)
    return bool(begun and missing_seeds(_with_seeds(experiment, begun)))


def in_turn(population: Sequence[Experiment]) -> list[Sequence[Experiment]]:
    """Returns a population as often as it has to be trained, each time with more of its seeds.

    Once, unless an earlier attempt has begun some of the missing seeds: then these first, and all
    others after them.
    """
    first = population[0]
    asked = [_asked_seeds(each.folder, each.identity) for each in population]
    if first.config.force or not begun_seeds(first.folder, first.identity) or not all(asked):
        return [population]
    begun = [_with_seeds(each, seeds) for each, seeds in zip(population, asked, strict=True)]
    parts = [
        (set(missing_seeds(earlier)), set(missing_seeds(now)))
        for earlier, now in zip(begun, population, strict=True)
    ]
    goes_first = all(some and some <= missing for some, missing in parts)
    has_more = any(some != missing for some, missing in parts)
    return [begun, population] if goes_first and has_more else [population]


def _asked_seeds(folder: Path, identity: str) -> list[int]:
    with contextlib.suppress(UserError):  # the file was edited
        return parse_seeds(asked_seeds(folder, identity))
    return []


def _with_seeds(experiment: Experiment, seeds: list[int]) -> Experiment:
    config = dataclasses.replace(experiment.config, seeds=seeds)
    return dataclasses.replace(experiment, config=config)
