"""Configurations as plain values, which JSON can carry from one process to another."""

import dataclasses
from typing import Any

from gru_bench.config.cell import CellConfig, CustomCellConfig
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.launcher import LAUNCHERS
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.tasks import TASKS, CustomTaskConfig
from gru_bench.system.errors import UserError

CLASSES = {
    each.__name__: each
    for each in (
        ExperimentConfig, CellConfig, CustomCellConfig, *TASKS.values(), CustomTaskConfig,
        CorpusConfig, OptimConfig, TuneConfig, *LAUNCHERS,
    )
}  # fmt: skip


def to_plain(config: Any) -> dict[str, Any]:
    """Returns a configuration as lists, dictionaries, texts and numbers.

    Args:
        config: An object of one of `CLASSES`, with others as attributes, but not within lists.
    """
    values = {each.name: getattr(config, each.name) for each in dataclasses.fields(config)}
    parts = {name: to_plain(v) for name, v in values.items() if dataclasses.is_dataclass(v)}
    return {
        "class": type(config).__name__,
        "values": {name: value for name, value in values.items() if name not in parts},
        "parts": parts,
        "source": getattr(config, "source", None),
    }


def from_plain(plain: dict[str, Any]) -> Any:
    """Makes the configuration that `to_plain` was given.

    Raises:
        UserError: The file of a user's class has changed since then.
    """
    parts = {name: from_plain(part) for name, part in plain["parts"].items()}
    config = CLASSES[plain["class"]](**plain["values"], **parts)
    if getattr(config, "source", None) != plain["source"]:
        raise UserError(
            f"the file of {plain['values']['module']} is another one than when the sweep was"
            " started: start it again"
        )
    return config
