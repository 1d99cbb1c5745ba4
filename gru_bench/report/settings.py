"""What configurations have in common and what tells them apart, by dotted keys."""

import math
from collections.abc import Sequence
from typing import Any

from gru_bench.config import ExperimentConfig

# Known from elsewhere in a row, or without effect on the result.
NOT_A_SETTING = {
    *ExperimentConfig.NOT_IDENTITY,
    "cell.name",
    "hidden_size",
    "task.name",
    "corpus.name",
}

DOCUMENTS = "task.train_documents"


def settings_of(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration by dotted keys, without those that have no meaning in it."""
    flat = _flatten(config)
    if flat.get("tune.learning_rates"):
        return {key: value for key, value in flat.items() if key != "optim.learning_rate"}
    return {key: value for key, value in flat.items() if not key.startswith("tune.")}


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def varying(flat: list[dict[str, Any]]) -> list[str]:
    """Keys in which configurations differ, those that are told elsewhere left out."""
    keys = dict.fromkeys(key for config in flat for key in config if key not in NOT_A_SETTING)
    return [key for key in keys if any(c.get(key) != flat[0].get(key) for c in flat)]


def is_common(key: str, settings: Sequence[dict[str, Any]]) -> bool:
    """Whether all have the key, with the same value."""
    value = settings[0].get(key)
    return value is not None and all(config.get(key) == value for config in settings)


def show_keys(keys: dict[str, Any]) -> str:
    """What follows a task's name, such as `(lag=20)`."""
    shown = ", ".join(f"{_short(key, list(keys))}={show_value(key, v)}" for key, v in keys.items())
    return f"({shown})" if shown else ""


def _short(key: str, keys: list[str]) -> str:
    """The key's last part, or all of it where that is ambiguous."""
    last = key.rpartition(".")[2]
    return key if sum(k.rpartition(".")[2] == last for k in keys) > 1 else last


def hashable(value: Any) -> Any:
    """The value, or its text where that is no dictionary key."""
    return str(value) if isinstance(value, list) else value


def show_value(key: str, value: Any) -> str:
    """A value of a configuration as YAML has it; null documents are all of them."""
    if value is None:
        return "all" if key == DOCUMENTS else "null"
    return str(value)


def setting_order(keys: dict[str, Any]) -> list[tuple[int, float, str]]:
    """Numbers before text, and null before both, but all documents after any number of them."""
    return [
        (0, math.inf if key == DOCUMENTS else -math.inf, "")
        if value is None
        else (0, float(value), "")
        if isinstance(value, int | float)
        else (1, 0.0, str(value))
        for key, value in keys.items()
    ]
