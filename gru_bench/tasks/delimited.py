"""Delimited text, CSV and TSV: each row is kept, or the line is named at which the file goes wrong.

The danger is a quote that is a character of the text, an inch mark or a token by itself: it opens a
field that goes on over the rows that follow, up to the next quote, and no parser can see that they
are rows. They are recognised here by what a row must have, its number of fields and a known label.
"""

import csv
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from gru_bench.config.corpus import SEPARATORS
from gru_bench.system.errors import UserError
from gru_bench.tasks.columns import Values, column_places

# In characters. Python's own limit, 128 thousand, is less than a long document.
LONGEST_FIELD = 2**31 - 1
QUOTES_ADVICE = (
    "within a quoted field a quote is doubled; if quotes are ordinary characters in this file,"
    " write corpus.quotes=false"
)


@dataclass(frozen=True)
class Form:
    """How lines make up rows.

    Attributes:
        separator: The character between the fields.
        quotes: Whether a field may be quoted; if not, a quote is a character like any other.
        headings: The names of the columns; None where the first line has them.
        skipped: Lines at the beginning that are passed over.
    """

    separator: str
    quotes: bool = True
    headings: Sequence[str] | None = None
    skipped: int = 0


class Delimited(NamedTuple):
    """What was read.

    Attributes:
        values: One entry a row for each column; None where a row is too short to have one.
        lines: The number of the line at which each row begins.
        doubts: The lines, in words, of each row that may be several rows, if the labels of these
            occur nowhere else; or whose text looks so.
    """

    values: Values
    lines: Sequence[int]
    doubts: Sequence[str]


def read_delimited(
    text: Iterable[str],
    wanted: Mapping[str, str],
    where: str,
    form: Form,
    categories: str | None = None,
) -> Delimited:
    """Reads the wanted columns.

    Args:
        text: The lines, with their ends.
        wanted: The name of each column by the configuration key that asks for it.
        where: The file in words.
        form: How lines make up rows.
        categories: The column, one of those wanted, that has few different values: by these, rows
            are recognised that a stray quote has swallowed.

    Raises:
        UserError: There are no headings, or a column is missing; a row has more fields than there
            are headings; or a quote opens a field that is not closed as it should be, or that
            swallows rows.
    """
    csv.field_size_limit(LONGEST_FIELD)
    headings = form.headings
    if headings is None:
        text = iter(text)
        first = next(text, "")
        _require_separator(first, wanted, where, form.separator)
        text = chain([first], text)
    records = _records(text, where, form)
    if headings is None:
        _, cells, _ = next(records, (0, [], []))
        headings = [cell.strip() for cell in cells]
        if not any(headings):
            raise UserError(f"{where} has no headings: its first line must name the columns")
    places = column_places(wanted, headings, where)
    category = None if categories is None else places[list(wanted.values()).index(categories)]

    values: Values = {name: [] for name in wanted.values()}
    lines = array("Q")
    swallowed = _SwallowedRows(form.separator, len(headings), category)
    for line, fields, record in records:
        if len(fields) > len(headings) and any(fields[len(headings) :]):
            raise UserError(
                f"{where} has {len(fields)} fields in line {line}, but {len(headings)} headings:"
                " a field with the separator in it must be quoted"
            )
        for name, place in zip(values, places, strict=True):
            values[name].append(fields[place] if place < len(fields) else None)
        lines.append(line)
        swallowed.look_at(line, fields, record)
    return Delimited(values, lines, swallowed.doubts(where))


class _SwallowedRows:
    """Finds rows over several lines, each of which could be a row by its number of fields.

    Args:
        separator: The character between the fields.
        columns: The number of fields of a row.
        category: The place of a field that has few different values; None where there is no such.
    """

    def __init__(self, separator: str, columns: int, category: int | None) -> None:
        self._separator = separator
        self._columns = columns
        self._category = category
        self._known: set[str] = set()
        self._suspects: list[tuple[int, int, list[str]]] = []

    def look_at(self, line: int, fields: Sequence[str], record: Sequence[str]) -> None:
        """Takes a row: the number of its first line, its fields and its lines."""
        category = self._category
        if category is None or category >= len(fields):
            return
        label = fields[category].strip()
        if len(record) == 1:
            self._known.add(label)
            return
        rows = [each.rstrip("\r\n").split(self._separator) for each in record]
        if any(len(row) != self._columns for row in rows):
            self._known.add(label)
            return
        labels = [row[category].strip(' "') for row in rows]
        if label in labels:
            labels.remove(label)  # that of the whole, which tells nothing
        self._suspects.append((line, line + len(record) - 1, labels))

    def doubts(self, where: str) -> list[str]:
        """Returns in words the lines of each such row of which the labels occur nowhere else.

        Raises:
            UserError: Half of the labels do occur elsewhere. Not all need to: a rare one may occur
                in swallowed rows alone.
        """
        for first, last, labels in self._suspects:
            if 2 * sum(label in self._known for label in labels) >= len(labels):
                raise UserError(
                    f"{where} has a quote in line {first} that swallows the rows down to line"
                    f" {last}: {QUOTES_ADVICE}"
                )
        return [f"lines {first} to {last}" for first, last, _ in self._suspects]


def _records(
    text: Iterable[str], where: str, form: Form
) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yields the number of the first line, the fields and the lines of each row but blank ones.

    The list of lines is used again for the next row.
    """
    record: list[str] = []

    def kept() -> Iterator[str]:
        for line in text:
            record.append(line)
            yield line

    lines = kept()
    for _ in range(form.skipped):
        next(lines, None)
    rows = csv.reader(
        lines,
        delimiter=form.separator,
        quoting=csv.QUOTE_MINIMAL if form.quotes else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        record.clear()
        line = form.skipped + rows.line_num + 1
        try:
            fields = next(rows, None)
        except csv.Error as error:  # a strict reader complains of quotes alone
            opening = line + _lines_before_fault(record, form.separator)
            last = line + len(record) - 1
            fault = (
                "that is never closed"
                if "unexpected end" in str(error)
                else f"that opens a field, in which line {last} has another one"
            )
            raise UserError(
                f"{where} has a quote in line {opening} {fault}: {QUOTES_ADVICE}"
            ) from error
        if fields is None:
            return
        if fields:
            yield line, fields, record


def _lines_before_fault(record: Sequence[str], separator: str) -> int:
    """Returns how many lines of a record come before the field with which it goes wrong."""
    apart = re.escape(separator)
    field = rf'(?:"(?:[^"]++|"")*+"|[^"{apart}\r\n][^{apart}\r\n]*+|)'
    well_formed = re.match(rf"(?:{field}{apart})*", "".join(record))
    assert well_formed is not None
    characters, before = well_formed.end(), 0
    while characters >= len(record[before]):
        characters -= len(record[before])
        before += 1
    return before


def _require_separator(
    first_line: str, wanted: Mapping[str, str], where: str, separator: str
) -> None:
    """Raises `UserError` if the headings show that the fields are apart by another character."""

    def found(character: str) -> bool:
        cells = next(csv.reader([first_line], delimiter=character), [])
        return set(wanted.values()) <= {cell.strip() for cell in cells}

    for name, character in SEPARATORS.items():
        if not found(separator) and found(character):
            raise UserError(
                f"{where} has its headings apart by a {name}: write corpus.separator={name}"
            )
