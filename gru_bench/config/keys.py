"""Keys of the configuration: fields of dataclasses that carry their documentation and bounds.

Help, docs/keys.md, shell completion and the checks of values all come from here.
"""

import copy
import dataclasses
import math
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from gru_bench.config.checks import require

KEY = "key"  # the entry of a field's metadata that holds its `Key`
MISSING: Any = "???"  # a value that has to be given, as OmegaConf writes it
LARGEST = 2**31 - 1  # whole numbers above it have no meaning anywhere
LONGEST = 1_000_000  # steps of a sequence


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
        belongs_to: Names of the cells that it has an effect on; empty for all of them.
    """

    documentation: str
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    belongs_to: tuple[str, ...] = ()

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
            default = each.default
            if each.default_factory is not dataclasses.MISSING:
                default = each.default_factory()
            yield DocumentedKey(
                name=prefix + each.name,
                kind=given[0],
                optional=types.NoneType in kinds,
                default=default,
                about=each.metadata[KEY],
            )


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the values of nested dictionaries by dotted keys, such as `task.lag`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
