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

# Python's own limit of a field, 128 KB, is less than a long document.
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
        doubts: In words, the lines of each row that may be several, of labels that occur nowhere
            else; or a text that looks so.
    """

    values: Values
    lines: Sequence[int]
    doubts: Sequence[str]


@dataclass(frozen=True)
class Suspect:
    """A row over several lines, each of which could be a row by its number of fields.

    Attributes:
        first: The number of the first line.
        last: The number of the last line.
        labels: What would be the labels of these rows, but for the one that the whole has, too.
    """

    first: int
    last: int
    labels: list[str]


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
    category = places[list(wanted.values()).index(categories)] if categories else None

    values: Values = {name: [] for name in wanted.values()}
    lines = array("Q")
    known: set[str] = set()
    suspects: list[Suspect] = []
    for line, fields, record in records:
        if len(fields) > len(headings) and any(fields[len(headings) :]):
            raise UserError(
                f"{where} has {len(fields)} fields in line {line}, but {len(headings)} headings:"
                " a field with the separator in it must be quoted"
            )
        for name, place in zip(values, places, strict=True):
            values[name].append(fields[place] if place < len(fields) else None)
        lines.append(line)
        if category is None or category >= len(fields):
            continue
        label = fields[category].strip()
        as_rows = [physical.rstrip("\r\n").split(form.separator) for physical in record]
        if len(record) == 1 or any(len(row) != len(headings) for row in as_rows):
            known.add(label)
            continue
        labels = [row[category].strip(' "') for row in as_rows]
        if label in labels:
            labels.remove(label)  # its own, which tells nothing
        suspects.append(Suspect(line, line + len(record) - 1, labels))
    doubts = []
    for suspect in suspects:
        doubts.append(f"lines {suspect.first} to {suspect.last}")
        # Not all of them: a rare label may occur in swallowed rows alone.
        if 2 * sum(label in known for label in suspect.labels) >= len(suspect.labels):
            raise UserError(
                f"{where} has a quote in line {suspect.first} that swallows the rows down to line"
                f" {suspect.last}: {QUOTES_ADVICE}"
            )
    return Delimited(values, lines, doubts)


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
        except csv.Error as error:  # of a strict reader: all that it complains of is quotes
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
