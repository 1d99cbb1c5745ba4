"""JSON and JSON Lines: named keys of objects, as text.

Numbers come out as they are written: 1.0 stays 1.0, and 70 digits stay 70 digits.
"""

import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gru_bench.system.errors import UserError
from gru_bench.tasks.columns import Values, column_places

# NaN is how Python writes what is missing.
DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda name: None)
BLANK = re.compile(r"\s*")
# Half of a pair that stands for one character: text that was cut by a program.
HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def read_json_lines(
    text: Iterable[str], wanted: Mapping[str, str], where: str
) -> tuple[Values, Sequence[int]]:
    """Reads an object a line.

    Args:
        text: The lines.
        wanted: The name of each key by the configuration key that asks for it.
        where: The file in words.

    Returns:
        The values of each key, None where an object has none; and the line of each object.

    Raises:
        UserError: A line is not an object, or has a list or an object under a wanted key; or no
            object has such a key.
    """
    numbers = array("Q")

    def rows() -> Iterator[tuple[str, Any]]:
        for number, line in enumerate(text, start=1):
            if line.strip():
                numbers.append(number)
                value, end = _decode(line.strip(), 0, f"{where} cannot be read in line {number}")
                if end < len(line.strip()):
                    raise UserError(f"{where} has more than one value in line {number}")
                yield f"line {number}", value

    return _values(rows(), wanted, where), numbers


def read_json(text: str, wanted: Mapping[str, str], where: str) -> Values:
    """Reads a list of objects, or objects one after another.

    The other arguments and the errors are those of `read_json_lines`.
    """
    text = text.strip()
    listed = text.startswith("[")

    def rows() -> Iterator[tuple[str, Any]]:
        position = _after_blank(text, 1) if listed else 0
        number = 0
        while position < len(text) and not (listed and text[position] == "]"):
            number += 1
            value, end = _decode(text, position, f"{where} cannot be read in row {number}")
            yield f"row {number}", value
            position = _after_blank(text, end)
            if listed and text.startswith(",", position):
                position = _after_blank(text, position + 1)
            elif listed and not text.startswith("]", position):
                position = len(text)
        if listed and position != len(text) - 1:
            raise UserError(f"{where} cannot be read after row {number}: its list breaks off")

    return _values(rows(), wanted, where)


def _after_blank(text: str, position: int) -> int:
    blank = BLANK.match(text, position)
    assert blank is not None
    return blank.end()


def _decode(text: str, position: int, fault: str) -> tuple[Any, int]:
    """Returns the value that begins at a position, and the position after it."""
    try:
        return DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{fault} as JSON: {error.msg} at its character {error.pos - position + 1}"
        ) from error
    except RecursionError as error:
        raise UserError(f"{fault} as JSON: it is nested too deeply") from error


def _values(rows: Iterable[tuple[str, Any]], wanted: Mapping[str, str], where: str) -> Values:
    """Takes the wanted keys of values, each of which comes with the place where it stands."""
    values: Values = {name: [] for name in wanted.values()}
    keys: dict[str, None] = {}  # in the order in which they come
    for place, row in rows:
        if not isinstance(row, dict):
            raise UserError(f"{where} has no object in {place}: every row must be one, {{...}}")
        keys.update(dict.fromkeys(row))
        for key, name in wanted.items():
            values[name].append(_text(row.get(name), f"{key}={name}", f"{place} of {where}"))
    if keys:
        column_places(wanted, list(keys), where)
    return values


def _text(value: Any, key: str, where: str) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return None
    if not isinstance(value, str):
        kind = "a list" if isinstance(value, list) else "an object"
        raise UserError(f"{key} must be text or numbers, not {kind} as in {where}")
    if HALF_CHARACTER.search(value):
        raise UserError(f"{key} holds half a character in {where}: that text was cut wrongly")
    return value
