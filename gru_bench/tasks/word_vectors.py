"""Pretrained vectors of words, read from a file in the text format of GloVe or fastText.

A line is a word and its numbers, with a space between any two; fastText begins with a line of two
whole numbers, of words and of their width. Only vectors of the words that are asked for are kept,
so that a file of any size is read.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gru_bench.system.errors import UserError
from gru_bench.tasks.corpus_sources import Note


def read_word_vectors(
    path: Path, places: Mapping[str, int], width: int, note: Note = lambda line: None
) -> Float[np.ndarray, "words width"]:
    """Returns the vectors of some words, nan where the file has none.

    A word that the file does not have as it is written gets the vector of one that differs in its
    capitals alone, since the words of a text are in lower case.

    Args:
        path: The file.
        places: The row of each word in what is returned, counted from 0.
        width: How many numbers a vector is to have.
        note: Takes a line on how many of the words were found.

    Raises:
        UserError: The file cannot be read, its vectors are of another width or not finite, or it
            has none of the words.
    """
    where = f"task.embeddings={path}"
    vectors = np.full((max(places.values()) + 1, width), np.nan, np.float32)
    is_exact = np.zeros(len(vectors), bool)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                fields = line.rstrip().rsplit(b" ", width)
                if number == 1 and _is_head(line):
                    _require_width(int(line.split()[1]), width, where)
                    continue
                if len(fields) != width + 1 or number == 1:
                    _require_width(_width_of(line), width, f"line {number} of {where}")
                word = fields[0].decode(errors="replace")
                row = places.get(word)
                exact = row is not None
                row = places.get(word.lower()) if row is None else row
                if row is None or is_exact[row] or not (exact or np.isnan(vectors[row, 0])):
                    continue
                vectors[row] = _numbers(fields[1:], f"line {number} of {where}")
                is_exact[row] = exact
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror or error}") from error
    found = len(vectors) - int(np.isnan(vectors[:, 0]).sum())
    if not found:
        raise UserError(
            f"{where} has a vector of no word of the training documents: give a file of their"
            " language, in the text format of GloVe or fastText"
        )
    note(f"{where}: vectors of {found:,} of {len(places):,} words ({found / len(places):.0%})")
    return vectors


def _is_head(line: bytes) -> bool:
    """Whether a first line is fastText's, of two whole numbers."""
    fields = line.split()
    return len(fields) == 2 and all(field.isdigit() for field in fields)


def _width_of(line: bytes) -> int:
    """Returns how many numbers stand at the end of a line after its word."""
    width = 0
    for field in reversed(line.split()[1:]):
        try:
            float(field)
        except ValueError:
            break
        width += 1
    return width


def _require_width(found: int, width: int, where: str) -> None:
    if found == 0:
        raise UserError(f"{where} is not a word and its numbers, with spaces between them")
    if found != width:
        raise UserError(
            f"{where} has vectors of {found} numbers, and task.embedding_size is {width}: write"
            f" task.embedding_size={found}, or give a file of that width"
        )


def _numbers(fields: list[bytes], where: str) -> Float[np.ndarray, " width"]:
    try:
        numbers = np.array(fields, dtype=np.float32)
    except ValueError:
        numbers = np.array([np.nan], np.float32)
    if not np.isfinite(numbers).all():
        raise UserError(f"{where} is not a word and its numbers, with spaces between them")
    return numbers
