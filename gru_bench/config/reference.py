"""All that can be asked for: the groups with their choices, the keys, and their defaults.

Help, docs/keys.md and shell completion are made from it. Neither Hydra nor JAX is imported.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gru_bench.config.cell import CellConfig, CustomCellConfig
from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.keys import MISSING, DocumentedKey, flatten, keys_of
from gru_bench.config.launcher import LAUNCHERS
from gru_bench.config.optim import OptimConfig, TuneConfig
from gru_bench.config.tasks import TASKS, CustomTaskConfig
from gru_bench.config.user_classes import CUSTOM, Kind, installed

GROUPS = ("cell", "task", "corpus", "launcher", "experiment")
OWN = Path("conf")  # the user's presets, in the working directory


def conf_dir() -> Path:
    """Returns the folder of YAML files: beside the package, or inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def offered(kind: Kind) -> dict[str, str]:
    """Returns the classes of installed packages by name, but for names that `conf/` has."""
    presets = conf_dir() / kind
    classes = installed(kind).items()
    return {name: module for name, module in classes if not (presets / f"{name}.yaml").exists()}


def choices(group: str) -> list[str]:
    """Returns the names that a group has in `conf/`, then those of installed packages."""
    names = sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))
    if group in ("cell", "task"):
        names += sorted(offered("cell" if group == "cell" else "task"))
    return names


def default_choices() -> dict[str, str | None]:
    """Returns the choice of each group that is made if nothing is said."""
    text = (conf_dir() / "config.yaml").read_text(encoding="utf-8")
    listed = [entry for entry in yaml.safe_load(text)["defaults"] if isinstance(entry, dict)]
    return {group: choice for entry in listed for group, choice in entry.items()}


@dataclass(frozen=True)
class Section:
    """Keys that belong together.

    Attributes:
        choice: The word that brings them, such as `task=copy`; empty for those that are always
            there.
        documentation: What they are about.
        keys: The keys, each with its default.
        sets: Other keys that the choice sets, with their values.
    """

    choice: str
    documentation: str
    keys: tuple[DocumentedKey, ...]
    sets: dict[str, Any]


@cache
def sections() -> tuple[Section, ...]:
    """Returns all sections in the order in which they are read."""
    return tuple(_sections())


def _sections() -> Iterator[Section]:
    general = _yaml("config.yaml")
    yield _section("", ExperimentConfig, "", general)
    yield _section("cell", CellConfig, "cell.", {})
    yield _section(f"cell={CUSTOM}", CustomCellConfig, "cell.", {}, known=CellConfig)
    tasks: dict[str, type] = {**TASKS, CUSTOM: CustomTaskConfig}
    for name, task in tasks.items():
        preset = _yaml(f"task/{name}.yaml")
        own = {f"task.{key}": value for key, value in preset.pop("task", {}).items()}
        yield _section(f"task={name}", task, "task.", own | flatten(preset))
    yield _section("corpus", CorpusConfig, "corpus.", {})
    yield _section("optim", OptimConfig, "optim.", flatten(general))
    yield _section("tune", TuneConfig, "tune.", flatten(general))
    for launcher in LAUNCHERS:
        preset = _yaml(f"launcher/{launcher.name}.yaml")
        values = {f"launcher.{key}": value for key, value in preset.items()}
        yield _section(f"launcher={launcher.name}", launcher, "launcher.", values)


def every_key() -> Iterator[DocumentedKey]:
    """Yields every key of every section."""
    for section in sections():
        yield from section.keys


def _section(
    choice: str, schema: type, prefix: str, values: dict[str, Any], known: type | None = None
) -> Section:
    """Returns the keys of a dataclass, less those of another, with defaults from a YAML file."""
    besides = {key.name: key for key in keys_of(known, prefix)} if known else {}
    keys = tuple(
        key.with_default(values.get(key.name, key.default))
        for key in keys_of(schema, prefix)
        if key.about != getattr(besides.get(key.name), "about", None)
    )
    names = {key.name for key in keys}
    # A task sets keys of the run, too; other choices set nothing but their own.
    of_task = choice.startswith("task=")
    sets = {key: value for key, value in values.items() if of_task and key not in names}
    return Section(choice, (schema.__doc__ or "").partition("\n\n")[0], keys, sets)


def _yaml(name: str) -> dict[str, Any]:
    """Returns what a file of `conf/` sets, without its list of defaults."""
    values: dict[str, Any] = yaml.safe_load((conf_dir() / name).read_text(encoding="utf-8")) or {}
    return {key: value for key, value in values.items() if key != "defaults"}


def shown(value: Any) -> str:
    """Returns a value as the command line has it; nothing for one that has to be given."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value == MISSING else str(value)
