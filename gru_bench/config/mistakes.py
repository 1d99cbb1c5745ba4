"""The errors for words that are wrong, each in one line with what was probably meant."""

import dataclasses
import difflib
import functools
from collections.abc import Iterable, Set

from omegaconf import DictConfig, ListConfig, OmegaConf

from gru_bench.config.corpus import SERIES_CORPORA
from gru_bench.config.keys import LARGEST, DocumentedKey, lacking_conditions
from gru_bench.config.presets import has_key, known_keys
from gru_bench.config.reference import GROUPS, choices, every_key, sections
from gru_bench.config.tasks import TASKS
from gru_bench.config.words import FREE, Word
from gru_bench.system.errors import UserError

# Names of keys in other programs, and the key here.
MEANT = {
    "lr": "optim.learning_rate",
    "optimizer": "optim.name",
    "optimiser": "optim.name",
    "units": "hidden_size",
    "model": "cell",
    "dataset": "corpus",
    "seed": "seeds",
    "batch": "batch_size",
}


def has_place(word: Word, config: DictConfig, known: Set[str]) -> bool:
    """Returns whether a configuration has the key of a word, and something depends on it.

    Args:
        word: The word.
        config: The configuration.
        known: The keys of the configuration.

    Raises:
        UserError: No choice of cell, task, launcher or corpus would have it.
    """
    added = word.text.startswith("+") and not word.text.startswith("++")
    if added and not word.is_free and (word.key in known or word.key in GROUPS):
        raise UserError(f"{word.text} is not possible: write {word.text[1:]}, it is there already")
    if word.is_below("corpus"):
        return _reads_corpus(config)
    if word.key in GROUPS or word.key in known:
        return True
    if word.is_free:
        return any(word.is_below(free) and free in known for free in FREE)
    if word.key in {each.name for each in every_key()}:
        return False
    raise unknown(word, config)


def _reads_corpus(config: DictConfig) -> bool:
    return bool(getattr(OmegaConf.get_type(config.task), "READS_CORPUS", False))


def is_overruled(word: Word, config: DictConfig) -> bool:
    """Returns whether a word has no effect because of what others say."""
    if _lacking(word, config, in_a_sweep=True):
        return True
    score = getattr(OmegaConf.get_type(config.task), "SCORE", None)
    unsolvable = score is not None and score.solved_rule is None
    return word.key == "stop_when_solved" and word.value is True and unsolvable


def without_effect(word: Word, config: DictConfig) -> UserError:
    """Returns the error for a key that has no effect on any of the runs that it is given for."""
    task, cell = OmegaConf.select(config, "task.name"), OmegaConf.select(config, "cell.name")
    said = f"{word.text} has no effect"
    if word.is_below("corpus") and not _reads_corpus(config):
        return UserError(f"{said} on task={task}: add {' or '.join(tasks_with(word.key))}")
    if lacking := _lacking(word, config):
        return UserError(f"{said} {lacking}")
    if word.key == "stop_when_solved":
        return UserError(f"{said} on task={task}, which has no mark at which it counts as solved")
    group = word.key.partition(".")[0]
    free = next((free for free in FREE if word.is_below(free)), word.key)
    places = _choices_with(free)
    chosen = {"task": task, "cell": cell}.get(group, OmegaConf.select(config, f"{group}.name"))
    return UserError(
        f"{word.key} is not a key of {group}={chosen}: it goes with {' or '.join(places)}"
    )


def tasks_with(key: str, value: str = "") -> list[str]:
    """Returns the words, such as `task=copy`, that a key needs beside it; none for most keys.

    Args:
        key: The key.
        value: What it is given. A corpus that gru-bench has says for which task it is; files, and
            one that is declared elsewhere, are for any that reads a corpus.
    """
    if key.partition(".")[0] == "corpus":
        tasks = [name for name, task in TASKS.items() if task.READS_CORPUS]
        if key in _conditional_keys():
            conditions = _conditional_keys()[key].about.only_with
            tasks = [
                v for each in conditions if each.key == "task.name" for v in each.values
            ] or tasks
        elif key == "corpus" and value != "files" and value in choices("corpus"):
            tasks = ["series"] if value in SERIES_CORPORA else ["text"]
        return [f"task={name}" for name in tasks]
    return [choice for choice in _choices_with(key) if choice.startswith("task=")]


def _choices_with(key: str) -> list[str]:
    """Returns the words, such as `task=copy`, each of which brings a key."""
    return [
        section.choice
        for section in sections()
        if "=" in section.choice and key in {each.name for each in section.keys}
    ]


def unknown(word: Word, config: DictConfig) -> UserError:
    """Returns the error for a key that does not exist."""
    known = {*known_keys(config), *(each.name for each in every_key())}
    meant = MEANT.get(word.key.rpartition(".")[2])
    near = f"; did you mean {meant}?" if meant else nearest(word.key, sorted(known))
    return UserError(f"{word.key} is not a key{near or '; gru-bench run --help lists the keys'}")


def check_choice(word: Word, groups: dict[str, list[str]]) -> None:
    """Raises `UserError` if a group has no such choice."""
    group, value = word.key, word.value
    if group not in groups or value in groups[group] or (value is None and group == "experiment"):
        return
    others = [f"{other}={value}" for other in groups if value in groups[other]]
    near = f"; did you mean {' or '.join(others)}?" if others else ""
    if others == [f"corpus={value}"] and value != "files":
        meant = [f"{task} corpus={value}" for task in tasks_with("corpus", str(value))]
        near = f"; did you mean {' or '.join(meant)}?"
    if isinstance(value, str) and ":" in value and group in ("cell", "task"):
        near = f"; did you mean {group}=custom {group}.module={value}?"
    raise UserError(
        f"{group}={'null' if value is None else value} is not known: {group} must be one of"
        f" {', '.join(groups[group])}{near or nearest(str(value), groups[group])}"
    )


def whole_section(word: Word, config: DictConfig) -> UserError:
    """Returns the error for a value that is given to a whole section of keys."""
    below = [key for key in known_keys(config) if key.startswith(f"{word.key}.")]
    name = f"{word.key}.name"
    right = f"write {name}={word.value}" if name in below else f"give {', '.join(sorted(below))}"
    return UserError(f"{word.text} is not possible: {word.key} holds further keys, so {right}")


def wrong_type(word: Word, config: DictConfig) -> UserError:
    """Returns the error for a value whose type is not that of its key."""
    value = "null" if word.value is None else word.text.partition("=")[2]
    too_large = isinstance(word.value, int) and abs(word.value) > LARGEST
    right = f"at most {LARGEST}" if too_large else _kind(config, word.key)
    return UserError(f"{word.key}={value} is not possible: {word.key} must be {right}")


def unresolved(error: Exception) -> UserError:
    """Returns the error for a reference to a value that does not exist, or of the wrong type."""
    first, *_ = str(error).strip().splitlines()
    first = first.partition("interpolation: ")[2].strip('"') or first
    key = getattr(error, "full_key", None)
    return UserError(f"{key} is not possible: {first}" if key else first)


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns `; did you mean ...?`, or nothing where nothing is near."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.75)
    last = name.rpartition(".")[2]
    near += [key for key in known if key.rpartition(".")[2] == last and key not in near]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _lacking(word: Word, config: DictConfig, in_a_sweep: bool = False) -> str:
    """Returns why other keys leave a word without effect; empty if it has one.

    To ask for nothing where that is usual, such as a momentum of 0, is no mistake.
    """
    key = _conditional_keys().get(word.key)
    if key is None or (not word.value and word.value == key.default):
        return ""
    values = {
        name: OmegaConf.select(config, name)
        for name in key.about.depends_on
        if has_key(config, name)
    }
    plain = {name: list(v) if isinstance(v, ListConfig) else v for name, v in values.items()}
    return lacking_conditions(key.about, plain, in_a_sweep)


@functools.cache
def _conditional_keys() -> dict[str, DocumentedKey]:
    return {key.name: key for key in every_key() if key.about.depends_on}


def _kind(config: DictConfig, key: str) -> str:
    """Returns what values the schema allows for a key, in words."""
    *path, name = key.split(".")
    node = OmegaConf.select(config, ".".join(path)) if path else config
    kind = OmegaConf.get_type(node)
    if not dataclasses.is_dataclass(kind):
        return "of another kind"
    schema = {f.name: str(f.type) for f in dataclasses.fields(kind)}
    words = {"int": "a whole number", "float": "a number", "bool": "true or false"}
    allowed = schema[name].removeprefix("<class '").removesuffix("'>")
    base = allowed.removesuffix(" | None")
    if base.startswith("list"):
        return "a list in brackets"
    if base.startswith("dict"):
        return "names with values, such as {a: 1}"
    return words.get(base, "a text") + (" or null" if base != allowed else "")
