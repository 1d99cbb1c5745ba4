"""Presets: where Hydra looks for YAML files, and what the choices from them set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from gru_bench.config.cell import CustomCellConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.hydra_state import set_aside
from gru_bench.config.launcher import LAUNCHERS
from gru_bench.config.reference import GROUPS, OWN, choices, conf_dir, offered
from gru_bench.config.tasks import TASKS, CustomTaskConfig
from gru_bench.config.user_classes import CUSTOM
from gru_bench.system.errors import UserError
from gru_bench.system.files import expand_home


@dataclass(frozen=True)
class Sources:
    """Where a command's configuration comes from besides its words.

    Attributes:
        config_dir: A folder of further presets, laid out as `conf/`; None for `./conf` alone.
        config_name: The file to start from: a run's `config.yaml`, or the name of one that has
            `config` among its defaults; None for that of gru-bench.
        has_default: Whether words that name no cell, task or experiment are about the quickstart;
            otherwise a name is asked for.
    """

    config_dir: Path | None = None
    config_name: str | None = None
    has_default: bool = True


class Composed(NamedTuple):
    """What choices come to before any other word.

    Attributes:
        raw: The configuration, as Hydra has it.
        known: Its keys.
    """

    raw: DictConfig
    known: frozenset[str]


# What choices from gru-bench's own files come to, which do not change while a process runs.
_OWN_COMPOSED: dict[tuple[str, ...], Composed] = {}


class Presets:
    """What choices from groups of YAML files set. Each set of choices is composed once.

    Attributes:
        groups: The names in each group.
    """

    def __init__(self, config_name: str, start: str, searched: Sequence[str]) -> None:
        self._config_name = config_name
        self._start = start
        self._searched = list(searched)
        self.groups = {group: choices(group) for group in GROUPS}
        for folder in searched:
            self._add_groups(Path(folder.removeprefix("file://")))
        installed = offered("cell") | offered("task")
        self._composed = {} if searched or installed else _OWN_COMPOSED

    def _add_groups(self, folder: Path) -> None:
        for file in sorted(folder.rglob("*.yaml")):
            if file.parent != folder:
                names = self.groups.setdefault(file.parent.relative_to(folder).as_posix(), [])
                names += [file.stem] if file.stem not in names else []

    def compose(self, chosen: Sequence[str]) -> Composed:
        """Returns the configuration that the words for groups give, before any other word.

        It is shared by all who ask for it, so that nobody may change it.

        Raises:
            UserError: A preset cannot be read, or sets a key that does not exist.
        """
        key = tuple(chosen)
        if key not in self._composed:
            raw = self._ask_hydra(chosen)
            if OmegaConf.get_type(raw) is not ExperimentConfig:
                raise UserError(
                    f"--config-name {self._config_name} is not possible: its defaults must begin"
                    " with config, as conf/config.yaml of gru-bench does with schema"
                )
            self._composed[key] = Composed(raw, frozenset(known_keys(raw)))
        return self._composed[key]

    def _ask_hydra(self, chosen: Sequence[str]) -> DictConfig:
        path = ",".join(f"'{folder}'" for folder in self._searched)
        with set_aside():
            _store_schema()
            with initialize_config_dir(self._start, version_base="1.3"):
                try:
                    return compose(self._config_name, [f"hydra.searchpath=[{path}]", *chosen])
                except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
                    raise UserError(_reason(error)) from None


def known_keys(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yields every key of a configuration, in dots."""
    for key in map(str, config):
        yield f"{prefix}{key}"
        absent = OmegaConf.is_missing(config, key) or OmegaConf.is_interpolation(config, key)
        node = None if absent else config[key]
        if isinstance(node, DictConfig):
            yield from known_keys(node, f"{prefix}{key}.")


def has_key(config: DictConfig, key: str) -> bool:
    """Returns whether a configuration has a key, given in dots."""
    section, _, name = key.rpartition(".")
    node = OmegaConf.select(config, section) if section else config
    return isinstance(node, DictConfig) and name in node.keys()  # noqa: SIM118 (missing values)


def find_presets(sources: Sources, searched: Sequence[str] = ()) -> Presets:
    """Returns gru-bench's presets and the user's.

    Args:
        sources: Where the user's presets lie.
        searched: Further folders, as `hydra.searchpath` names them.

    Raises:
        UserError: A folder is missing.
    """
    folders = [sources.config_dir] if sources.config_dir else []
    if OWN.is_dir() and OWN.resolve() != conf_dir().resolve():
        folders.append(OWN)
    paths = [*map(str, folders), *searched]
    for path in paths:
        if "://" not in path.removeprefix("file://") and not _folder(path).is_dir():
            raise UserError(f"there is no folder {path} of presets")
    urls = [path if "://" in path else f"file://{_folder(path)}" for path in paths]
    name, start = sources.config_name or "config", str(conf_dir())
    if sources.config_name:
        start = _folder_of(name, urls)
        urls = [url for url in urls if url != f"file://{start}"] + [f"file://{conf_dir()}"]
    return Presets(name, start, urls)


def _folder(path: str) -> Path:
    return expand_home(path.removeprefix("file://")).resolve()


def _folder_of(name: str, urls: Sequence[str]) -> str:
    """Returns the user's folder of presets that has a file to start from."""
    folders = [url.removeprefix("file://") for url in urls]
    for folder in folders:
        if (Path(folder) / f"{name}.yaml").is_file():
            return folder
    looked = " or ".join(folders) or "./conf, which does not exist"
    raise UserError(
        f"--config-name {name} is not possible: there is no {name}.yaml in {looked}; for a run's"
        " configuration give the path of its config.yaml"
    )


def _store_schema() -> None:
    """Gives Hydra the dataclasses, and the classes of installed packages as presets."""
    store = ConfigStore.instance()
    store.store(name="schema", node=ExperimentConfig)
    for name, task in TASKS.items():
        store.store(group="schema/task", name=name, node=task)
    for launcher in LAUNCHERS:
        store.store(group="schema/launcher", name=launcher.name, node=launcher)
    store.store(group="schema/cell", name=CUSTOM, node=CustomCellConfig)
    store.store(group="schema/task", name=CUSTOM, node=CustomTaskConfig)
    preset = {"defaults": [CUSTOM, "_self_"]}
    for name, module in offered("cell").items():
        node: dict[str, Any] = preset | {"name": name, "module": module}
        store.store(group="cell", name=name, node=node)
    for name, module in offered("task").items():
        node = preset | {"task": {"name": name, "module": module}}
        store.store(group="task", name=name, node=node, package="_global_")


def _reason(error: Exception) -> str:
    """Returns what Hydra says of a preset, in one line."""
    said = str(error.__cause__ or error).strip() or str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"the presets do not fit: {'; '.join(lines[:2])}"
