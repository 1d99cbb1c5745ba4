"""From command-line overrides to checked configurations, through Hydra.

Everything that is wrong with an override is found here, before anything runs, and said in one line.
"""

import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gru_bench.config.cell import CustomCellConfig
from gru_bench.config.execution import ExecutionConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.hydra_state import set_aside
from gru_bench.config.launcher import LAUNCHERS, SubmititConfig
from gru_bench.config.reference import conf_dir, offered
from gru_bench.config.search import SearchConfig
from gru_bench.config.tasks import TASKS, CustomTaskConfig
from gru_bench.config.user_classes import CUSTOM
from gru_bench.system.errors import UserError

DEFAULT = ("experiment=quickstart",)
OPTIONS = "task.options"  # of such a task; what keys it has, only its class knows
FREE = (f"{OPTIONS}.", "launcher.options.")  # below these the schema knows no keys
SAME_RUN = {each.name for each in dataclasses.fields(ExecutionConfig)} - {"out_dir"}
OWN = re.compile(r"\+*(cell|task)\.(module|name|options)\b")


def compose_experiments(overrides: Sequence[str], multirun: bool) -> list[ExperimentConfig]:
    """The experiments that the overrides ask for, in the order of the sweep.

    Args:
        overrides: `key=value` words in Hydra's grammar; none of them means the quickstart.
        multirun: whether `key=a,b` asks for a sweep. An experiment may ask for one by itself.

    Raises:
        UserError: A word is not understood, or an experiment is not possible.
    """
    with _hydra():
        overrides = [f"++{w}" if w.startswith(FREE) else w for w in overrides or DEFAULT]
        parsed = _parse(overrides)
        for override in parsed:
            if override.key_or_group.startswith("launcher") and override.is_sweep_override():
                raise UserError(f"{override.input_line} is not possible: give one launcher")
            if override.is_sweep_override() and override.key_or_group in SAME_RUN:
                raise UserError(
                    f"{override.input_line} is not possible: runs that differ in nothing else are"
                    f" one, so give one {override.key_or_group}"
                )
        sweeps = _sweeps_of_experiment(parsed)
        if not (multirun or sweeps):
            for override in parsed:
                if override.is_sweep_override():
                    raise UserError(
                        f"{override.input_line} lists several values: add -m to run them all"
                    )
        given = {override.key_or_group for override in parsed}
        configs = {}
        for sweep in _on_tasks(sweeps, parsed) if sweeps else [{}]:
            words = [f"{key}={value}" for key, value in sweep.items() if key not in given]
            batches = BasicSweeper.split_arguments(
                _parse([*words, *overrides]), max_batch_size=None
            )
            combinations = [_fitting(words, parsed) for batch in batches for words in batch]
            for config in map(_compose, combinations):
                configs[config.identity({}), config.out_dir] = config  # sweeps may overlap
        return list(configs.values())


def compose_search(words: Sequence[str]) -> SearchConfig:
    """The search that words `search.key=value` ask for.

    Raises:
        UserError: A word is not understood, or the search is not possible.
    """
    config = OmegaConf.create({"search": OmegaConf.structured(SearchConfig)})
    for override in _parse(words):
        if override.is_sweep_override():
            raise UserError(f"{override.input_line} is not possible: give one value, or [a,b]")
        _check_key(override, config)  # which sets it, too
    search = OmegaConf.to_object(config.search)
    assert isinstance(search, SearchConfig)
    return search


@contextmanager
def _hydra() -> Iterator[None]:
    """Hydra, set up on `conf/` and on the schema, and taken down again."""
    with set_aside():
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
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            yield


def _parse(words: Sequence[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(list(words))
    except OverrideParseException as error:
        key, sign, value = str(error.override).partition("=")
        right = f"quote the value, '{key}=\"{value}\"'" if sign else "write key=value"
        raise UserError(f"{error.override} is not understood: {right}") from None


def _sweeps_of_experiment(overrides: Sequence[Override]) -> list[dict[str, Any]]:
    """The sweeps that the chosen experiment is made of: values `a,b,c` by key."""
    chosen = [o.input_line for o in overrides if o.key_or_group == "experiment" and o.input_line]
    sweeps: Any = OmegaConf.to_container(_compose_raw(chosen).sweeps)
    return list(sweeps)


def _on_tasks(sweeps: list[dict[str, Any]], overrides: Sequence[Override]) -> list[dict[str, Any]]:
    """The sweeps over any of the tasks that the overrides name, all of them if they name none."""
    named = {
        task
        for override in overrides
        if override.key_or_group == "task"
        for task in _values(override)
    }
    chosen = [s for s in sweeps if not named or named & set(str(s["task"]).split(","))]
    if not chosen:
        tasks = sorted({task for s in sweeps for task in str(s["task"]).split(",")})
        raise UserError(
            f"task={','.join(sorted(named))} is not possible: the experiment is made of"
            f" {', '.join(tasks)}"
        )
    return chosen


def _fitting(words: Sequence[str], swept: Sequence[Override]) -> list[str]:
    """The words, less those for a class of one's own where it is another one's turn in a sweep."""
    others = {
        override.key_or_group
        for override in swept
        if override.key_or_group in ("cell", "task")
        and CUSTOM in _values(override)
        and f"{override.key_or_group}={CUSTOM}" not in words
    }
    return [word for word in words if not ((own := OWN.match(word)) and own[1] in others)]


def _values(override: Override) -> list[str]:
    """The value, or those of a sweep."""
    if override.is_sweep_override():
        return list(override.sweep_string_iterator())
    return [override.get_value_element_as_str()]


def _compose(words: Sequence[str]) -> ExperimentConfig:
    given = {override.key_or_group for override in _parse(words)}
    for key, other in (("steps", "epochs"), ("epochs", "steps")):
        if key in given and other not in given:
            words = [*words, f"{other}=null"]
    raw = _compose_raw(words)
    # Hydra adds them to any task.
    options = [key for key in given if key.startswith(f"{OPTIONS}.")]
    if options and OmegaConf.get_type(raw.task) is not CustomTaskConfig:
        raise _misplaced(options[0], "task")
    options = [key for key in given if key.startswith("launcher.options.")]
    if options and OmegaConf.get_type(raw.launcher) is not SubmititConfig:
        raise _misplaced(options[0], "launcher", "submitit")
    try:
        config = OmegaConf.to_object(raw)
    except OmegaConfBaseException as error:
        raise UserError(_first_line(error)) from None
    assert isinstance(config, ExperimentConfig)
    config.sweeps = []
    return config


def _compose_raw(words: Sequence[str]) -> DictConfig:
    overrides = _parse(words)
    groups = _groups()
    for override in overrides:
        _check_choice(override, groups)
    try:
        return compose("config", list(words))
    except HydraException as error:
        choices = [o for o in overrides if o.key_or_group in groups]
        config = compose("config", [o.input_line for o in choices if o.input_line])
        for override in overrides:
            if override not in choices and not override.is_add():
                _check_key(override, config)
        raise UserError(_first_line(error)) from None


def _groups() -> dict[str, list[str]]:
    """The config groups and the options of each."""
    loader = GlobalHydra.instance().config_loader()
    names = [name for name in loader.list_groups("") if name not in ("hydra", "schema")]
    return {name: loader.get_group_options(name) for name in names}


def _check_choice(override: Override, groups: dict[str, list[str]]) -> None:
    """Raises `UserError` if a group is given an option that it has not."""
    group, value = override.key_or_group, override.value()
    if group in groups and override.is_sweep_override():
        raise UserError(f"{override.input_line} is not possible: give one {group} at a time")
    if group not in groups or override.is_delete() or value in groups[group]:
        return
    if value is None and group == "experiment":
        return
    known = ", ".join(groups[group])
    raise UserError(
        f"{group}={value} is not known: {group} must be one of {known}"
        + _nearest(str(value), groups[group])
    )


def _check_key(override: Override, config: DictConfig) -> None:
    """Sets a key; raises `UserError` if there is none such, or its value is of the wrong type."""
    key = override.key_or_group
    known = list(_keys(config))
    if key.startswith("hydra.") or (key.startswith(FREE) and key.rpartition(".")[0] in known):
        return
    if key not in known:
        if own := OWN.match(key):
            raise _misplaced(key, own[1])
        hint = _nearest(key, known) or "; gru-bench run --help lists the keys"
        raise UserError(f"{key} is not a key" + hint)
    try:
        OmegaConf.update(config, key, override.value())
    except OmegaConfBaseException:
        value = override.get_value_element_as_str()
        raise UserError(
            f"{key}={value} is not possible: {key} must be {_kind(config, key)}"
        ) from None


def _misplaced(key: str, group: str, choice: str = CUSTOM) -> UserError:
    return UserError(f"{key} is not a key of this {group}: it goes with {group}={choice}")


def _keys(config: Any, prefix: str = "") -> Iterator[str]:
    """Every key of a configuration, in dots."""
    for key in config:
        yield f"{prefix}{key}"
        node = None if OmegaConf.is_missing(config, key) else config[key]
        if isinstance(node, DictConfig):
            yield from _keys(node, f"{prefix}{key}.")


def _kind(config: DictConfig, key: str) -> str:
    """What values the schema allows for a key, in words."""
    *path, name = key.split(".")
    node = OmegaConf.select(config, ".".join(path)) if path else config
    kind = OmegaConf.get_type(node)
    assert dataclasses.is_dataclass(kind)
    schema = {f.name: str(f.type) for f in dataclasses.fields(kind)}
    words = {"int": "a whole number", "float": "a number", "bool": "true or false"}
    allowed = schema[name].removeprefix("<class '").removesuffix("'>")
    base = allowed.removesuffix(" | None")
    if base.startswith("list"):
        return "a list in brackets"
    return words.get(base, "a text") + (" or null" if base != allowed else "")


def _nearest(name: str, known: Iterable[str]) -> str:
    """`: did you mean ...?`, or nothing where nothing is near."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    near += [key for key in known if key.rpartition(".")[2] == name and key not in near]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
