"""A table behind an answer, as text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DetailTable:
    """A table of text.

    Attributes:
        title: What it shows.
        columns: A heading for each entry of a row.
        words: How many columns, from the first, hold words and not numbers.
        rows: The rows, from top to bottom.
        note: How to read it.
    """

    title: str
    columns: list[str]
    words: int
    rows: list[list[str]]
    note: str
