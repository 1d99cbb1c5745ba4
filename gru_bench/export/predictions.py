"""Files of texts in, files of predictions out."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.config.corpus import SEPARATORS, CorpusConfig
from gru_bench.export.trained_model import TrainedModel
from gru_bench.runs.weights import FileFormat
from gru_bench.system.errors import UserError
from gru_bench.system.files import write_named_file
from gru_bench.tasks.data_files import TextFormat, read_columns
from gru_bench.tasks.fixed_data import pad

Row = list[str | int]

KEY = re.compile(
    r"\bcorpus\.(text_column|series_column|time_column|separator|encoding|quotes)\b(?!\.)"
)


@dataclass(frozen=True)
class RowPredictions:
    """What a model says of the rows of a file, in their order.

    Attributes:
        classes: The class of each row; empty where a row has no text.
        probabilities: The probability of that class; None likewise.
    """

    classes: list[str]
    probabilities: list[float | None]

    @property
    def empty(self) -> int:
        """Rows without a text."""
        return self.probabilities.count(None)


def read_texts(trained: TrainedModel, path: Path, changes: Mapping[str, Any]) -> list[str]:
    """Reads the texts of a file as they were read for training; empty where a row has none.

    Args:
        trained: The model, which knows how its files were written.
        path: A file of any kind that training reads.
        changes: What is different in this file, by the names of `FileFormat`.

    Raises:
        UserError: The file cannot be read.
    """
    checked = file_format(trained, path, changes)
    separator = checked.separator and SEPARATORS.get(checked.separator, checked.separator)
    text_format = TextFormat(separator, checked.encoding, checked.quotes)
    wanted = {"corpus.text_column": checked.text_column}
    with flags_for_keys():
        columns = read_columns(path, wanted, str(path), text_format)
    return [
        text if text and not text.isspace() else "" for text in columns.values[checked.text_column]
    ]


def file_format(trained: TrainedModel, path: Path, changes: Mapping[str, Any]) -> CorpusConfig:
    """Returns how a file is to be read, as a corpus of this file alone.

    Args:
        trained: The model, which knows how its files were written.
        path: The file.
        changes: What is different in this file, by the names of `FileFormat`.

    Raises:
        UserError: A change is not possible.
    """
    form = replace(trained.saved.file_format or FileFormat(), **changes)
    with flags_for_keys():
        return CorpusConfig(name=path.name or "FILE", train=str(path), **vars(form))


@contextmanager
def flags_for_keys() -> Iterator[None]:
    """Names the flags of `gru-bench predict` in the errors that name keys of the corpus."""
    try:
        yield
    except UserError as error:
        raise UserError(KEY.sub(_flag, str(error))) from error


def _flag(key: re.Match[str]) -> str:
    """Returns the flag that does what a key of the corpus does."""
    return "--" + key[1].replace("_", "-")


def predict_texts(trained: TrainedModel, texts: list[str]) -> RowPredictions:
    """Returns the class of each text, and how probable the model takes it to be."""
    places = [place for place, text in enumerate(texts) if text]
    found = RowPredictions([""] * len(texts), [None] * len(texts))
    probabilities = trained.predict_proba([texts[place] for place in places])
    for place, shares in zip(places, probabilities, strict=True):
        found.classes[place] = trained.class_names[shares.argmax()]
        found.probabilities[place] = float(shares.max())
    return found


def text_rows(predictions: RowPredictions) -> Iterator[Row]:
    """Yields the headings, then the number from 1, class and probability of each row."""
    yield ["row", "prediction", "probability"]
    pairs = zip(predictions.classes, predictions.probabilities, strict=True)
    for number, (name, probability) in enumerate(pairs, start=1):
        yield [number, name, "" if probability is None else f"{probability:.6f}"]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes a CSV.

    Raises:
        UserError: It cannot be written.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_named_file(path, text.getvalue().encode())


def write_tokens(path: Path, trained: TrainedModel, texts: list[str]) -> None:
    """Writes what the model reads, for other runtimes: `tokens` and `lengths` in a file of NumPy.

    Row i of `tokens` is of row i of the file, padded with zeros behind its `lengths[i]` tokens. A
    row without text is one unknown token.

    Raises:
        UserError: It cannot be written.
    """
    write_padded(path, "tokens", trained.tokens(texts), np.int64)


def write_padded(
    path: Path, name: str, sequences: Sequence[np.ndarray], kind: type[np.generic]
) -> None:
    """Writes what a model reads: arrays of this name and `lengths` in a file of NumPy.

    Row i is of sequence i, padded with zeros behind its `lengths[i]` steps.

    Raises:
        UserError: It cannot be written.
    """
    padded, lengths = pad(sequences, kind)
    arrays: dict[str, Any] = {name: padded, "lengths": lengths.astype(np.int64)}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_named_file(path, content.getvalue())
