"""Keys of the configuration: fields of dataclasses that carry their documentation and bounds.

Help, docs/keys.md, shell completion and the checks of values all come from here.
"""

import copy
import dataclasses
import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from gru_bench.config.checks import require
from gru_bench.system.errors import UserError

KEY = "key"  # the entry of a field's metadata that holds its `Key`
MISSING: Any = "???"  # a value that has to be given, as OmegaConf writes it
LARGEST = 2**31 - 1  # whole numbers above it have no meaning anywhere
LONGEST = 1_000_000  # steps of a sequence

# Names that the choice of a group sets, as `cell=gru` does.
SET_BY_GROUPS = ("cell.name", "task.name", "launcher.name")
CHOSEN_BY = {"corpus.source=files": "corpus=files"}  # values that a choice of a group sets


@dataclass(frozen=True)
class OnlyWith:
    """What another key has to be for a key to have an effect.

    Attributes:
        key: The other one, such as `corpus.source`.
        values: The values with which it has one; None stands for an empty list, too. Where none
            are listed, it must be given.
    """

    key: str
    values: tuple[Any, ...] = ()

    def holds(self, value: Any) -> bool:
        """Returns whether a key has an effect where the other one has this value."""
        given = None if isinstance(value, list) and not value else value
        if not self.values:
            return given is not None
        return not isinstance(given, list) and given in self.values

    def lacking(self, value: Any) -> str:
        """Returns what stands in the way where the other key has this value, and what is right."""
        if not self.values:
            return f"without {self.key}"
        if self.values == (None,):
            return f"with {self.key}, which takes its place"
        group = _group(self.key)
        words = (f"{group}={_as_word(each)}" for each in self.values)
        right = " or ".join(CHOSEN_BY.get(word, word) for word in words)
        return f"with {group}={_as_word(value)}: it goes with {right}"

    def __str__(self) -> str:
        if self.values == (None,):
            return f"without {self.key}"
        values = " or ".join(map(_as_word, self.values))
        return f"with {self.key}={values}" if values else f"with {self.key}"


@dataclass(frozen=True)
class NotWith:
    """What another key must not be for a key to have an effect, whatever else is said.

    Attributes:
        key: The other one, such as `cell.name`.
        values: The values with which it has none.
        why: The reason, as the end of a sentence.
        refused: Whether a sweep that comes to such a value is refused, because its runs would be of
            different settings. Else the key is left out of those runs.
    """

    key: str
    values: tuple[Any, ...]
    why: str
    refused: bool = False

    def lacking(self, value: Any) -> str:
        """Returns what stands in the way where the other key has this value."""
        return f"with {_group(self.key)}={_as_word(value)}: {self.why}"

    def __str__(self) -> str:
        return f"not with {self.key}={' or '.join(map(_as_word, self.values))}"


def _group(key: str) -> str:
    """Returns what a user writes to set a key, such as `cell` for `cell.name`."""
    return key.removesuffix(".name") if key in SET_BY_GROUPS else key


def _as_word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Key:
    """What is known of a key besides its name, type and default.

    Attributes:
        documentation: What it does, as the rest of a line of help.
        choices: The values that it may have; empty where any is possible.
        at_least: Its smallest value, that of each entry of a list; None for no bound.
        at_most: Its largest value, likewise.
        above: It must be greater than this number.
        below: It must be smaller than this number.
        only_with: What other keys have to be, one at least, for it to have an effect; empty if it
            always has one.
        not_with: What other keys must not be for it to have an effect.
        neutral: Whether its default stands for what runs were before there was such a key, so that
            it is no part of what tells runs apart.
    """

    documentation: str
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    only_with: tuple[OnlyWith, ...] = ()
    not_with: tuple[NotWith, ...] = ()
    neutral: bool = False

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The other keys that say whether it has an effect."""
        return tuple(each.key for each in self.only_with) + tuple(n.key for n in self.not_with)

    def allows(self, number: float) -> bool:
        """Returns whether a number is finite and within the bounds."""
        return (
            math.isfinite(number)
            and (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        if self.above is not None and self.below is not None:
            return f"between {self.above:g} and {self.below:g}"
        words = {
            "at least": self.at_least,
            "at most": self.at_most,
            "greater than": self.above,
            "below": self.below,
        }
        given = [f"{word} {bound:.10g}" for word, bound in words.items() if bound is not None]
        return " and ".join(given) or "a finite number"


def key(documentation: str, default: Any = dataclasses.MISSING, **about: Any) -> Any:
    """Returns a field of a configuration's dataclass.

    Args:
        documentation: What the key does, as the rest of a line of help.
        default: Its value if nothing is said. A list or a dictionary is copied.
        about: Fields of `Key`.
    """
    metadata = {KEY: Key(documentation, **about)}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: copy.copy(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def section(documentation: str, default: Any = MISSING) -> Any:
    """Returns a field whose value is a dataclass of further keys.

    Args:
        documentation: What the keys are about.
        default: The dataclass that is made if nothing is said, or None for no such keys; without
            it they have to be given.
    """
    metadata = {KEY: Key(documentation)}
    if isinstance(default, type):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def check_keys(config: Any, prefix: str = "") -> None:
    """Raises `UserError` unless every value is one of its key's choices and within its bounds.

    So it does for a value that has no effect, because another key of the dataclass is not what it
    goes with.

    Args:
        config: An object of a dataclass whose fields are made by `key`.
        prefix: What stands before the names of its keys, such as `task.`.
    """
    for each in dataclasses.fields(config):
        about, value = each.metadata.get(KEY), getattr(config, each.name)
        if about is None or value is None:
            continue
        name = prefix + each.name
        if about.choices:
            require(value in about.choices, name, value, "one of " + ", ".join(about.choices))
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            require(about.allows(number), name, value, about.bounds)
            require(
                isinstance(number, float) or number <= LARGEST, name, value, f"at most {LARGEST}"
            )
        _check_effect(config, each, prefix)


def _check_effect(config: Any, field: dataclasses.Field[Any], prefix: str) -> None:
    """Raises `UserError` if a key is set, and others of the dataclass leave it without effect."""
    about, usual = field.metadata[KEY], default_of(field)
    value = getattr(config, field.name)
    if usual == MISSING or value == usual:
        return
    found = {other: _value_of(config, other.removeprefix(prefix)) for other in about.depends_on}
    values = {other: each for other, each in found.items() if each is not _ABSENT}
    if lacking := lacking_conditions(about, values):
        said = f"{prefix}{field.name}={_as_word(value)}"
        raise UserError(f"{said} has no effect {lacking}")


_ABSENT = object()


def _value_of(config: Any, name: str) -> Any:
    """Returns the value of a key by its dotted name; `_ABSENT` if there is none of that name."""
    for part in name.split("."):
        config = getattr(config, part, _ABSENT)
    return config


def lacking_conditions(about: Key, values: Mapping[str, Any], in_a_sweep: bool = False) -> str:
    """Returns why a key has no effect, and what is right; empty if it has one.

    Args:
        about: The key.
        values: What those keys are on which it depends. Where one of `only_with` is left out,
            these say nothing.
        in_a_sweep: Whether only what a sweep leaves out counts, and nothing that it is refused for.
    """
    for each in about.not_with:
        if values.get(each.key, _ABSENT) in each.values and not (in_a_sweep and each.refused):
            return each.lacking(values[each.key])
    is_known = all(each.key in values for each in about.only_with)
    if not is_known or any(each.holds(values[each.key]) for each in about.only_with):
        return ""
    return " and ".join(each.lacking(values[each.key]) for each in about.only_with)


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Returns the value of a field if nothing is said."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@dataclass(frozen=True)
class DocumentedKey:
    """A key as it is given, with all that is known of it.

    Attributes:
        name: Such as `task.lag`.
        kind: The type of its values, without None.
        optional: Whether null is one of them.
        default: The value if nothing is said, `MISSING` if it has to be given.
        about: The rest.
    """

    name: str
    kind: Any
    optional: bool
    default: Any = dataclasses.field(hash=False)
    about: Key

    def with_default(self, default: Any) -> "DocumentedKey":
        """Returns the key with another default."""
        return dataclasses.replace(self, default=default)


def keys_of(schema: type, prefix: str = "") -> Iterator[DocumentedKey]:
    """Yields the keys of a dataclass that hold values, in their order; sections are left out.

    Args:
        schema: The dataclass.
        prefix: What stands before the names, such as `task.`.
    """
    hints = get_type_hints(schema)
    for each in dataclasses.fields(schema):
        hint = hints[each.name]
        kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        given = [kind for kind in kinds if kind is not types.NoneType]
        if not dataclasses.is_dataclass(given[0]):
            yield DocumentedKey(
                name=prefix + each.name,
                kind=given[0],
                optional=types.NoneType in kinds,
                default=default_of(each),
                about=each.metadata[KEY],
            )


def neutral_defaults(schema: type) -> dict[str, Any]:
    """Returns the defaults of the keys of a dataclass that are neutral, by their names."""
    return {
        each.name: default_of(each)
        for each in dataclasses.fields(schema)
        if each.metadata.get(KEY, Key("")).neutral
    }


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the values of nested dictionaries by dotted keys, such as `task.lag`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
