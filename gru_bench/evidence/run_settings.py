"""The settings of runs by dotted keys: what runs have in common, and what tells them apart."""

import math
from collections.abc import Sequence
from typing import Any

from gru_bench.config.cell import CELLS
from gru_bench.config.keys import flatten, keys_of, lacking_conditions
from gru_bench.config.run import neutral_values
from gru_bench.config.tasks import TASKS
from gru_bench.runs.result import Result

# Known from elsewhere in a row.
NOT_A_SETTING = {"cell.name", "hidden_size", "task.name", "task.score", "corpus.name"}

DOCUMENTS = "task.train_documents"
CELL_SOURCE = "cell.source"
HASHES = {CELL_SOURCE, "task.source"}
CONTENT = ".content."  # stands within the keys of hashes of data files
# Digits of a hash that a label has room for.
HASH_DIGITS = 6


def settings_of(result: Result) -> dict[str, Any]:
    """Returns a run's configuration by dotted keys, without those that have no effect in it.

    Two more say what the configuration leaves open: `tuned` and the name of the `score`. Neutral
    keys that the run was made without have their defaults.
    """
    flat = neutral_values(result.config) | flatten(result.config)
    # A file of data counts by its content, wherever it lies.
    for key in [key for key in flat if CONTENT in key]:
        flat.pop(key.replace(CONTENT, "."), None)
    rates, keeps = flat.get("tune.learning_rates"), flat.get("tune.keeps")
    tuned = bool(rates or keeps)
    meaningless = (
        "optim.learning_rate" if rates else "tune.learning_rates",
        "cell.keep" if keeps else "tune.keeps",
        *(() if tuned else ("tune.",)),
    )
    kept = {key: value for key, value in flat.items() if not key.startswith(meaningless)}
    return kept | {"tuned": tuned, "score": result.score.name}


def idle_task_keys(settings: dict[str, Any]) -> set[str]:
    """Returns the keys of a built-in task that its other keys leave without an effect."""
    schema = TASKS.get(settings["task.name"])
    keys = () if schema is None else keys_of(schema, "task.")
    return {key.name for key in keys if lacking_conditions(key.about, settings)}


def varying(settings: Sequence[dict[str, Any]]) -> list[str]:
    """Returns the keys in which settings differ."""
    keys = dict.fromkeys(key for each in settings for key in each)
    return [key for key in keys if any(s.get(key) != settings[0].get(key) for s in settings)]


def is_common(key: str, settings: Sequence[dict[str, Any]]) -> bool:
    """Returns whether all settings have the key, with the same value."""
    value = settings[0].get(key)
    return value is not None and all(config.get(key) == value for config in settings)


def show_keys(keys: dict[str, Any]) -> str:
    """Returns what follows a task's name, such as `(lag=20)`."""
    shown = ", ".join(f"{_short(key, list(keys))}={show_value(key, v)}" for key, v in keys.items())
    return f"({shown})" if shown else ""


def _short(key: str, keys: list[str]) -> str:
    """Returns the key's last part, or all of it where that is ambiguous."""
    last = key.rpartition(".")[2]
    return key if sum(k.rpartition(".")[2] == last for k in keys) > 1 else last


def freeze(value: Any) -> Any:
    """Returns the value with its lists as tuples and its mappings as sorted pairs, to be hashed."""
    if isinstance(value, dict):
        return tuple(sorted((str(key), freeze(each)) for key, each in value.items()))
    return tuple(map(freeze, value)) if isinstance(value, list | tuple) else value


def show_value(key: str, value: Any) -> str:
    """Returns a value as YAML has it; hashes and lists of seeds are shortened."""
    if value is None:
        return {DOCUMENTS: "all", CELL_SOURCE: "newest"}.get(key, "null")
    if key in HASHES or CONTENT in key:
        return str(value)[:HASH_DIGITS]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        counted = key == "seeds" and list(value) == list(range(len(value)))
        return str(len(value) if counted else list(value))
    return str(value)


def setting_order(keys: dict[str, Any]) -> list[tuple[int, float, str]]:
    """Returns what sorts settings: null, numbers, text; all documents come after any number."""
    return [
        (0, math.inf if key == DOCUMENTS else -math.inf, "")
        if value is None
        else (0, float(value), "")
        if isinstance(value, int | float)
        else (1, 0.0, str(freeze(value)))
        for key, value in keys.items()
    ]


def cell_order(result: Result) -> tuple[int, str, int]:
    """Returns what orders runs by cell, those that are not built in last, then by nominal size."""
    place = CELLS.index(result.cell) if result.cell in CELLS else len(CELLS)
    return place, result.cell, result.nominal_size
