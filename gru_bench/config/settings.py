"""Settings given as Python values, written as the words of a command."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_bench.config.reference import every_key
from gru_bench.config.words import FREE, quoted_text
from gru_bench.system.errors import UserError


def to_words(settings: Mapping[str, Any]) -> list[str]:
    """Returns a word `key=value` for each setting, in order.

    A list or tuple stands for several values, `key=a,b`, one for each run of a sweep, unless the
    key itself takes a list, as `seeds` and the options of a user's class do.

    Args:
        settings: Values by key, such as `{"cell": ["gru", "lstm"], "task.length": 50}`.

    Raises:
        UserError: A value is of no type that a word can have, or a list is empty.
    """
    lists = {each.name for each in every_key() if _is_list(each.kind)} | {"seeds"}
    return [_word(key, value, lists) for key, value in settings.items()]


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", kind) is list


def _word(key: str, value: Any, lists: set[str]) -> str:
    takes_list = key in lists or any(key.startswith(f"{free}.") for free in FREE)
    if not isinstance(value, list | tuple) or takes_list:
        return f"{key}={_text(key, value)}"
    if not value:
        raise UserError(f"{key}={value!r} is not possible: give one value at least")
    return f"{key}={','.join(_text(key, each) for each in value)}"


def _text(key: str, value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()  # a number of NumPy's, such as those of a grid
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return quoted_text(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(_text(key, each) for each in value)}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_text(key, each)}" for name, each in value.items()) + "}"
    raise UserError(
        f"{key}={value!r} is not possible: give a text, a number, True, False, None, or a list"
    )
