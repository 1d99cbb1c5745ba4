"""A run's `config.yaml` as what a command starts from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from gru_bench.config.cell import CELLS
from gru_bench.config.reference import choices
from gru_bench.config.tasks import TASKS
from gru_bench.config.user_classes import CUSTOM
from gru_bench.config.words import Word
from gru_bench.system.errors import UserError
from gru_bench.system.files import expand_home

# Written beside the keys: hashes of the files that they name.
HASHES = ("source", "content")


def run_file(name: str | None) -> Path | None:
    """Returns the run's file that `--config-name` names, None if it names no file."""
    if name is None or not (name.endswith((".yaml", ".yml")) or "/" in name):
        return None
    path = expand_home(name)
    path = path / "config.yaml" if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"--config-name {name} is not possible: there is no such file")
    return path


def read_run_file(path: Path) -> list[Word]:
    """Returns the words that a run's `config.yaml` stands for: choices first, then values.

    Raises:
        UserError: The file is none that gru-bench wrote.
    """
    try:
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first, *_ = str(error).splitlines()
        raise UserError(f"--config-name {path} cannot be read: {first}") from None
    if not isinstance(keys, dict) or not all(
        isinstance(keys.get(key), dict) and isinstance(keys[key].get("name"), str)
        for key in ("cell", "task")
    ):
        raise UserError(
            f"--config-name {path} is not possible: name the config.yaml of a run, or a file of"
            " presets by its name alone (see docs/hydra.md)"
        )
    known = {"cell": CELLS, "task": tuple(TASKS), "launcher": tuple(choices("launcher"))}
    words = []
    for group in ("cell", "task", "launcher"):
        if isinstance(keys.get(group), dict):
            name = keys[group]["name"]
            chosen = name if name in known[group] else CUSTOM
            words.append(Word(group, chosen, f"{group}={chosen}"))
            if name == chosen:
                del keys[group]["name"]
    if keys.get("corpus") is None:
        keys.pop("corpus", None)
    else:
        words.append(Word("corpus", "files", "corpus=files"))
    return [*words, *_values(keys, "")]


def _values(keys: dict[str, Any], prefix: str) -> Iterator[Word]:
    for key, value in keys.items():
        if prefix and key in HASHES:
            continue
        name = f"{prefix}{key}"
        if isinstance(value, dict) and not name.endswith("options"):
            yield from _values(value, f"{name}.")
        else:
            yield Word(name, value, f"{name}={value}")
