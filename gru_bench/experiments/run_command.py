"""The command that trains a setting that was chosen."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gru_bench.config.cell import CellConfig, CustomCellConfig


def run_command(
    cell: CellConfig, chosen: Mapping[str, Any], words: Sequence[str], sources: Sequence[str]
) -> str:
    """Returns the command that trains a cell with the settings that were chosen.

    Args:
        cell: The cell.
        chosen: The settings by the keys of a command.
        words: The settings of the command that chose; those that were chosen take their place.
        sources: Its flags that name further sources of settings, such as `--config-dir DIR`.
    """
    found = {"cell": cell.name}
    if isinstance(cell, CustomCellConfig):
        found = {"cell": "custom", "cell.module": cell.module, "cell.name": cell.name}
    found |= {key: str(value) for key, value in chosen.items()}
    replaced = {*found, "cell.module", "cell.name", "out_dir"}
    kept = [word for word in words if word.partition("=")[0] not in replaced]
    settings = [f"{key}={value}" for key, value in found.items()]
    return shlex.join(["gru-bench", "run", *sources, *settings, *kept])
