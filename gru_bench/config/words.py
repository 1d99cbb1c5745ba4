"""Words of the command line, `key=value` in Hydra's grammar, and the sweeps that they list."""

import fnmatch
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException, OverrideParseException

from gru_bench.config.reference import every_key
from gru_bench.config.user_classes import CUSTOM
from gru_bench.system.errors import UserError

# Only the user's class or the engine knows which keys there are below these.
FREE = ("cell.options", "task.options", "launcher.options")
# Words of Hydra's that have another name here.
OF_HYDRA = {
    "hydra.run.dir": "out_dir=...",
    "hydra.sweep.dir": "out_dir=...",
    "hydra.job.chdir": "out_dir=...",
    "hydra/launcher": "launcher=...",
    "hydra.launcher": "launcher=...",
    "hydra/sweeper": "-m with key=a,b, or gru-bench search",
    "hydra.sweeper": "-m with key=a,b, or gru-bench search",
    "hydra.verbose": "-q, or nothing",
    "hydra.mode": "-m",
}
_GRAMMAR = re.compile(r"""^\s*(['"{[]|\w+\()|\$\{""")  # a value that is more than a plain text


@dataclass(frozen=True)
class Word:
    """A key with one value.

    Attributes:
        key: Such as `task.lag`, or a group such as `task`.
        value: A text, number, truth value, None, list or dictionary.
        text: The word as it is given to Hydra.
        is_added: Whether it was written with a plus sign.
    """

    key: str
    value: Any
    text: str
    is_added: bool = False

    def is_below(self, section: str) -> bool:
        """Returns whether the key is a section's, or below it."""
        return self.key == section or self.key.startswith(f"{section}.")

    @property
    def is_free(self) -> bool:
        """Whether a user's class or an engine defines the key, and not the schema."""
        return any(self.key.startswith(f"{free}.") for free in FREE)


def text_keys() -> set[str]:
    """Returns the keys whose values are texts, which are taken as they are written."""
    return {each.name for each in every_key() if each.kind is str}


def parse(words: Sequence[str]) -> list[Override]:
    """Reads words, each of which may list several values.

    Raises:
        UserError: A word is not understood, or asks for what is not done here.
    """
    texts = text_keys()
    overrides = []
    for word in words:
        override = _parse(_quoted(word, texts))
        _screen(override, word)
        overrides.append(override)
    return overrides


def combinations(
    overrides: Sequence[Override], groups: dict[str, list[str]]
) -> Iterator[list[Word]]:
    """Yields every combination of the values that the words list, the last word's first.

    Args:
        overrides: The words.
        groups: The choices of each group, among which `glob(...)` chooses.
    """
    yield from map(list, itertools.product(*(expand(each, groups) for each in overrides)))


def expand(override: Override, groups: dict[str, list[str]]) -> list[Word]:
    """Returns a word for each of the values that one word lists."""
    key, value = override.key_or_group, cast(Any, override.value())
    texts: list[str] = []
    if isinstance(value, Glob):
        texts = [
            name
            for name in groups.get(key, [])
            if name != CUSTOM  # which needs a class besides
            and any(fnmatch.fnmatch(name, pattern) for pattern in value.include)
            and not any(fnmatch.fnmatch(name, pattern) for pattern in value.exclude)
        ]
        if not texts:
            known = ", ".join(groups.get(key, [])) or "nothing: it is no group"
            raise UserError(f"{override.input_line} fits none of {key}: there is {known}")
    elif isinstance(value, IntervalSweep):
        raise UserError(
            f"{override.input_line} is not possible: list values, {key}=a,b, or use gru-bench"
            " search, which draws from a range"
        )
    elif override.is_sweep_override():
        texts = list(override.sweep_string_iterator())
        if isinstance(value, RangeSweep) and not texts:
            raise UserError(f"{override.input_line} is not possible: the range is empty")
    else:
        added = override.is_add() or override.is_force_add()
        return [Word(key, _plain(override), override.input_line or "", added)]
    singles = [_parse(f"{key}={text}") for text in texts]
    return [Word(key, _plain(each), each.input_line or "") for each in singles]


def _plain(override: Override) -> Any:
    value = override.value()
    return value if isinstance(value, list | dict | str | int | float | bool) else None


def _parse(word: str) -> Override:
    try:
        return OverridesParser.create().parse_overrides([word])[0]
    except OverrideParseException as error:
        key, sign, value = str(error.override).partition("=")
        raise UserError(f"{error.override} is not understood: {_right(key, sign, value)}") from None
    except HydraException as error:
        first, *_ = str(error).splitlines()
        raise UserError(f"{word} is not understood: {first}") from None


def _right(key: str, sign: str, value: str) -> str:
    """Returns what to write for a word that is not understood."""
    if not key.strip() or key.strip() == "=":
        return "write key=value, without blanks around ="
    if not sign:
        return "write key=value"
    return f"quote the value, '{key}=\"{value}\"'"


def _quoted(word: str, texts: set[str]) -> str:
    """Returns the word, with quotes around the values of a text that Hydra would read otherwise.

    Such are `2024_01`, which is a number to it, `true`, and whatever begins with `~`.
    """
    key, sign, value = word.partition("=")
    if not sign or key.lstrip("+") not in texts or _GRAMMAR.search(value):
        return word
    return f"{key}={','.join(map(quoted_text, value.split(',')))}"


def quoted_text(text: str) -> str:
    """Returns a text as a word has it, in quotes if Hydra would read something else."""
    if text.strip() in ("", "null"):
        return text.strip() or '""'
    try:
        (read,) = OverridesParser.create().parse_overrides([f"key={text}"])
        if read.value() == text.strip():
            return text
    except HydraException:
        pass
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _screen(override: Override, word: str) -> None:
    """Raises `UserError` if a word asks for what is not done here, or does nothing."""
    key = override.key_or_group
    if not key.strip():
        raise UserError(f"{word} is not understood: {_right(key, '=', '')}")
    if override.is_delete():
        raise UserError(
            f"{word} is not possible: no key can be taken away, but some may be null: {key}=null"
        )
    if override.package is not None:
        raise UserError(f"{word} is not possible: write {key}=..., without @{override.package}")
    if key == "hydra.searchpath":
        return
    if key.split(".")[0].split("/")[0] == "hydra":
        meant = next((right for of, right in OF_HYDRA.items() if key.startswith(of)), None)
        right = f"write {meant}" if meant else "leave it out (see docs/hydra.md)"
        raise UserError(f"{word} has no effect here: {right}")
