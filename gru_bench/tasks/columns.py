"""Named columns of a table of rows, as text.

Columns that are not named are not looked at, so that nothing in them can stop a file. A value is
what the file says: `01`, `NA`, `1.0` and `2020-01-01` come out as they are written.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gru_bench.system.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

Values = dict[str, list[str | None]]


@dataclass(frozen=True)
class Columns:
    """Columns that were read from a file or a table.

    Attributes:
        values: One entry a row for each column's name; None where a row has no value.
        content: SHA-256 of the bytes that were read, in hexadecimal digits.
        lines: The line of the file at which each row begins; None if rows are not lines.
        doubts: The lines, in words, that are read as one row, but may be several.
    """

    values: Values
    content: str
    lines: Sequence[int] | None = None
    doubts: Sequence[str] = ()

    def place(self, row: int) -> str:
        """Returns where a person finds the row, which is counted from zero."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Returns names of classes in numeric order if all are whole numbers, else alphabetically."""
    try:
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    except ValueError:
        return tuple(sorted(names))


def column_places(
    wanted: Mapping[str, str], headings: Sequence[str], where: str, advice: str = ""
) -> list[int]:
    """Finds columns by their headings.

    Args:
        wanted: The name of each column by the configuration key that asks for it.
        headings: The names that there are.
        where: The table in words.
        advice: What to say of a missing column instead of the names that there are.

    Returns:
        The place of each wanted column among the headings.

    Raises:
        UserError: A column is missing, or its name occurs twice.
    """
    for key, name in wanted.items():
        if headings.count(name) > 1:
            raise UserError(f"{key}={name} is not clear: {where} has {headings.count(name)} of it")
        if name not in headings:
            near = difflib.get_close_matches(name, headings, n=3, cutoff=0.5)
            has = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(headings)}"
            raise UserError(f"{key}={name} is not a column of {where}: {advice or has}")
    return [headings.index(name) for name in wanted.values()]


def columns_of_table(table: "pa.Table", wanted: Mapping[str, str], where: str) -> Values:
    """Turns columns of an Arrow table into text.

    Numbers that stand for classes become the names that the `datasets` library keeps with them.

    Args:
        table: The table, with the wanted columns.
        wanted: The name of each column by the configuration key that asks for it.
        where: The table in words.

    Raises:
        UserError: A column holds what is not text, a number, a date or a truth value; or the labels
            are kept secret.
    """
    import pyarrow as pa

    values: Values = {}
    for key, name in wanted.items():
        column = table.column(name)
        try:
            values[name] = column.cast(pa.large_string()).to_pylist()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise UserError(
                f"{key}={name} must be text or numbers, not {column.type}, in {where}"
            ) from error
        classes = _class_names(table.schema, name)
        if classes:
            numbers = column.to_pylist()
            if any(number is not None and number < 0 for number in numbers):
                # As the hub marks labels that are not given away.
                raise UserError(f"{where} keeps its labels secret: name a split that shows them")
            values[name] = [None if number is None else classes[number] for number in numbers]
    return values


def _class_names(schema: "pa.Schema", name: str) -> list[str]:
    """Returns the names of a column's classes, which `datasets` writes into an Arrow schema."""
    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    feature = features.get("info", {}).get("features", {}).get(name, {})
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
        return list(feature["names"])
    return []
