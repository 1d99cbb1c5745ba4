"""From the words of a command to checked configurations.

Everything that is wrong with a word is found here, before anything runs, and reported in one line.
Choices from groups (`task=copy`) are composed by Hydra, once however many configurations share
them; values (`task.lag=20`) are then set one by one.
"""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gru_bench.config import mistakes
from gru_bench.config.execution import ExecutionConfig
from gru_bench.config.experiment import ExperimentConfig
from gru_bench.config.presets import Presets, Sources, find_presets, has_key
from gru_bench.config.reference import GROUPS, shown
from gru_bench.config.run_file import read_run_file, run_file
from gru_bench.config.search import SearchConfig
from gru_bench.config.words import FREE, Word, combinations, expand, parse
from gru_bench.system.errors import UserError

# What words are about that name none of `CHOICES`: the quickstart, with those words.
DEFAULT = "experiment=quickstart"
CHOICES = ("cell", "task", "experiment")
SAME_RUN = {each.name for each in dataclasses.fields(ExecutionConfig)} - {"out_dir"}


def compose_experiments(
    overrides: Sequence[str], multirun: bool, sources: Sources | None = None
) -> list[ExperimentConfig]:
    """Returns the experiments that words ask for, in the order of the sweep.

    Args:
        overrides: Words `key=value` in Hydra's grammar. If they name no cell, task or experiment,
            they are those of the quickstart.
        multirun: Whether `key=a,b` asks for a sweep. An experiment may ask for one by itself.
        sources: Where the user's presets lie, and what to start from.

    Raises:
        UserError: A word is not understood or has no effect, or an experiment is not possible.
    """
    configs = {}
    for config, _ in _compose_all(overrides, multirun, sources or Sources()):
        configs[config.identity({}), config.out_dir] = config  # Sweeps may overlap.
    return list(configs.values())


def choice_words(overrides: Sequence[str], margin: float | None) -> list[str]:
    """Returns the words of a choice between cells, with what they leave out.

    Args:
        overrides: Words of a sweep over cells, of which `cell` may be left out.
        margin: A difference of the score that does not matter; None leaves it to the words.
    """
    words = [*overrides, *([] if margin is None else [f"margin={margin}"])]
    usual = {"cell": "gru,lstm,rnn", "out_dir": "results/choice"}
    given = {word.partition("=")[0] for word in words}
    return words + [f"{key}={value}" for key, value in usual.items() if key not in given]


def show_experiments(
    overrides: Sequence[str], multirun: bool, sources: Sources, resolve: bool
) -> str:
    """Returns the configurations that words ask for as YAML documents.

    Args:
        overrides: As for `compose_experiments`, like `multirun` and `sources`.
        multirun: See above.
        sources: See above.
        resolve: Whether `${...}` is replaced by what it stands for.

    Raises:
        UserError: As for `compose_experiments`.
    """
    found = _compose_all(overrides, multirun, sources)
    texts = dict.fromkeys(OmegaConf.to_yaml(raw, resolve=resolve) for _, raw in found)
    return "---\n".join(texts)


def compose_search(words: Sequence[str]) -> SearchConfig:
    """Returns the search that words `search.key=value` ask for.

    Raises:
        UserError: A word is not understood, or the search is not possible.
    """
    config = OmegaConf.create({"search": OmegaConf.structured(SearchConfig)})
    for override in parse(words):
        if override.is_sweep_override():
            raise UserError(f"{override.input_line} is not possible: give one value, or [a,b]")
        (word,) = expand(override, {})
        if not has_key(config, word.key):
            raise mistakes.unknown(word, config)
        _set(config, word)
    search = OmegaConf.to_object(config.search)
    assert isinstance(search, SearchConfig)
    return search


def _compose_all(
    words: Sequence[str], multirun: bool, sources: Sources
) -> Iterator[tuple[ExperimentConfig, DictConfig]]:
    """Yields every configuration, as an object and as Hydra has it."""
    file = run_file(sources.config_name)
    start = [] if file is None else read_run_file(file)
    if file is not None:
        sources = dataclasses.replace(sources, config_name=None)
    overrides = parse(words)
    searched = [o for o in overrides if o.key_or_group == "hydra.searchpath"]
    overrides = [o for o in overrides if o.key_or_group != "hydra.searchpath"]
    folders = [str(folder) for o in searched for folder in _list(o)]
    presets = find_presets(sources, folders)
    _check_sweeps(overrides)
    if file is None and sources.config_name is None:
        overrides = _with_default(overrides, presets, sources.has_default)
    sweeps = _sweeps_of_experiment(overrides, presets, sources.config_name)
    if not (multirun or sweeps):
        for override in overrides:
            if override.is_sweep_override():
                raise UserError(
                    f"{override.input_line} lists several values: add -m to run them all"
                )
    given = {override.key_or_group for override in overrides}
    composed = []
    for sweep in _on_tasks(sweeps, overrides, presets) if sweeps else [{}]:
        of_preset = parse([f"{k}={shown(v)}" for k, v in sweep.items() if k not in given])
        for combination in combinations([*of_preset, *overrides], presets.groups):
            composed.append(_compose(combination, start, presets))
    _require_effects(composed, given)
    yield from ((each.config(), each.raw) for each in composed)


def _with_default(
    overrides: Sequence[Override], presets: Presets, has_default: bool
) -> list[Override]:
    """Returns the words, with that of the quickstart before them if they choose nothing to run.

    A choice from a group of the user's own may set anything, so that it needs no other.

    Raises:
        UserError: A word is about the task or its data, and no task is named; or nothing is named
            where there is no default.
    """
    keys = {override.key_or_group for override in overrides}
    if keys.intersection(CHOICES) or keys & presets.groups.keys() - set(GROUPS):
        return list(overrides)
    for override in overrides:
        if places := mistakes.tasks_with(override.key_or_group, str(override.value())):
            raise UserError(f"{override.input_line} needs a named task: add {' or '.join(places)}")
    if not has_default:
        raise UserError("no task is named: add task=adding cell=gru,lstm, say")
    return [*parse([DEFAULT]), *overrides]


def _list(override: Override) -> list[Any]:
    value = override.value()
    return value if isinstance(value, list) else [value]


def _check_sweeps(overrides: Sequence[Override]) -> None:
    """Raises `UserError` if a word lists values of a key that does not change what a run is."""
    for override in overrides:
        key, word = override.key_or_group, override.input_line
        if not override.is_sweep_override():
            continue
        if key in ("launcher", "experiment") or key.startswith("launcher."):
            raise UserError(f"{word} is not possible: give one {key.partition('.')[0]} at a time")
        if key == "seeds":
            counts = (word or "").partition("=")[2]
            listed = (
                f"[{counts}]" if override.is_choice_sweep() and "(" not in counts else "[0,1,2]"
            )
            raise UserError(
                f"{word} is not possible: it would be a run with each count of seeds; give one"
                f" count, or a list of seeds, seeds={listed}"
            )
        if key in SAME_RUN:
            raise UserError(
                f"{word} is not possible: runs that differ in nothing else are one, so give one"
                f" {key}"
            )


def _sweeps_of_experiment(
    overrides: Sequence[Override], presets: Presets, config_name: str | None
) -> list[dict[str, Any]]:
    """Returns the sweeps that the chosen experiment is made of: values `a,b,c` by key.

    Without a choice there are some only if the user's file to start from, `config_name`, has them.
    """
    words = [w for o in overrides if o.key_or_group == "experiment" for w in expand(o, {})]
    if not words and config_name is None:
        return []
    for word in words:
        mistakes.check_choice(word, presets.groups)
    chosen = [f"{word.key}={word.value}" for word in words if word.value is not None]
    sweeps: Any = OmegaConf.to_container(presets.compose(chosen).raw.sweeps)
    return list(sweeps)


def _on_tasks(
    sweeps: list[dict[str, Any]], overrides: Sequence[Override], presets: Presets
) -> list[dict[str, Any]]:
    """Returns the sweeps over any of the tasks that the words name, all if they name none."""
    named = {
        str(word.value)
        for override in overrides
        if override.key_or_group == "task"
        for word in expand(override, presets.groups)
    }
    chosen = [s for s in sweeps if not named or named & set(str(s["task"]).split(","))]
    if not chosen:
        tasks = sorted({task for s in sweeps for task in str(s["task"]).split(",")})
        raise UserError(
            f"task={','.join(sorted(named))} is not possible: the experiment is made of"
            f" {', '.join(tasks)}"
        )
    return chosen


@dataclass(frozen=True)
class _Composed:
    """A configuration before its values are checked.

    Attributes:
        raw: The configuration, as Hydra has it.
        effective: The words that have an effect on it.
        idle: The others, which belong to another choice of the sweep.
    """

    raw: DictConfig
    effective: list[Word]
    idle: list[Word]

    def config(self) -> ExperimentConfig:
        """Returns the configuration as an object, its values checked."""
        try:
            config = OmegaConf.to_object(self.raw)
        except OmegaConfBaseException as error:
            raise mistakes.unresolved(error) from None
        assert isinstance(config, ExperimentConfig)
        return config


def _compose(words: Sequence[Word], start: Sequence[Word], presets: Presets) -> _Composed:
    """Composes one combination of words, on top of those of a run's file."""
    groups = presets.groups
    chosen = {word.key: word for word in words if word.key in groups}
    for word in chosen.values():
        mistakes.check_choice(word, groups)
    for word in start:
        section = word.key.partition(".")[0]
        if word.key in groups and word.key not in chosen:
            chosen[word.key] = word
        elif section in {w.key for w in words if w.key in groups}:
            start = [other for other in start if other is not word]
    choices = [_choice(word) for word in chosen.values() if word.value is not None]
    preset, known = presets.compose(choices)
    raw = copy.deepcopy(preset)
    for word in start:
        if word.key not in groups and (word.key in known or word.is_free):
            _set(raw, word)
    effective, idle = [], []
    before: dict[str, Any] = {}
    given = {word.key for word in words}
    for word in words:
        is_own_group = word.key in groups and word.key not in GROUPS
        if is_own_group or mistakes.has_place(word, raw, known):
            effective.append(word)
            if word.key not in groups:
                before.setdefault(word.key, OmegaConf.select(raw, word.key))
                _set(raw, word)
        else:
            idle.append(word)
    for key, other in (("steps", "epochs"), ("epochs", "steps")):
        if key in given and other not in given:
            raw[other] = None
    raw.sweeps = []
    _read_seeds(raw)
    overruled = [word for word in effective if mistakes.is_overruled(word, raw)]
    for word in overruled:
        OmegaConf.update(raw, word.key, before[word.key])
    effective = [word for word in effective if word not in overruled]
    return _Composed(raw, effective, idle + overruled)


def _choice(word: Word) -> str:
    """Returns the word for Hydra; a group that it knows needs no plus sign."""
    return f"{word.key}={word.value}" if word.key in GROUPS else word.text


def _set(config: DictConfig, word: Word) -> None:
    """Sets a key; raises `UserError` if its value is of the wrong type."""
    is_open = word.is_free or word.key in FREE
    is_section = isinstance(OmegaConf.select(config, word.key), DictConfig) and not word.is_free
    if is_section and not isinstance(word.value, dict):
        raise mistakes.whole_section(word, config)
    try:
        OmegaConf.update(config, word.key, word.value, merge=True, force_add=is_open)
    except OmegaConfBaseException:
        raise mistakes.wrong_type(word, config) from None


def _read_seeds(raw: DictConfig) -> None:
    """Reads seeds that come from the environment, which knows texts alone."""
    try:
        seeds = raw.seeds
    except OmegaConfBaseException as error:
        raise mistakes.unresolved(error) from None
    if isinstance(seeds, str) and OmegaConf.is_interpolation(raw, "seeds"):
        try:
            raw.seeds = yaml.safe_load(seeds)
        except yaml.YAMLError:
            raw.seeds = seeds


def _require_effects(composed: Sequence[_Composed], given: set[str]) -> None:
    """Raises `UserError` if a word has an effect on none of the configurations."""
    effective = {word.key for each in composed for word in each.effective}
    for each in composed:
        for word in each.idle:
            if word.key in given and word.key not in effective:
                raise mistakes.without_effect(word, each.raw)
