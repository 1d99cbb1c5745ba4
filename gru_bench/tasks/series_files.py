"""Files of series: long tables with one row a step, and the `.ts` format."""

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from gru_bench.config.corpus import SEPARATORS, CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.system.prose import some
from gru_bench.tasks.columns import Columns
from gru_bench.tasks.data_files import TextFormat, read_columns
from gru_bench.tasks.recordings import Recordings
from gru_bench.tasks.ts_format import read_ts

Reader = Callable[[bytes, str], Recordings]  # of the content of a file, and where it lies
READERS: Mapping[str, Reader] = {".ts": read_ts}  # of files that are no tables, by their endings
MISSING = frozenset(("", "?", "NA", "N/A", "NaN", "nan", "null", "None"))  # no value is there
WITHOUT = "none"  # in place of what is predicted: no labels are read


def read_recordings(
    path: Path, config: CorpusConfig, predict: str, where: str, read: Reader | None = None
) -> tuple[Recordings, str]:
    """Reads the sequences of a file.

    Args:
        path: A `.ts` file, or a table of any kind that is read.
        config: How a table is to be read.
        predict: What is said of a sequence, as `task.predict` has it, by which labels are read.
        where: The file in words.
        read: Reads the content of a file in a format of its own, given where it lies in words; None
            where the ending of its name says how it is read.

    Returns:
        The sequences, and the hash of the bytes that they come from.

    Raises:
        UserError: The file cannot be read, or is not what the configuration says.
    """
    read = read or READERS.get(path.suffix.lower())
    if read is not None:
        return _read_labelled(path, read, predict, where)
    if not config.channels:
        raise UserError(
            "corpus.channels is missing: name the columns of the values that are read at each step,"
            " such as corpus.channels=[x,y]"
        )
    labelled = predict not in (WITHOUT, "forecast")
    separator = config.separator and SEPARATORS.get(config.separator, config.separator)
    text_format = TextFormat(separator, config.encoding, config.quotes)
    columns = read_columns(path, _wanted(config, labelled), where, text_format)
    return _recordings(columns, config, predict, where), columns.content


def has_columns(name: str) -> bool:
    """Returns whether a file is a table, whose channels and labels are told by its columns."""
    return Path(name).suffix.lower() not in READERS


def _read_labelled(path: Path, read: Reader, predict: str, where: str) -> tuple[Recordings, str]:
    """Reads a file that has one label for a sequence, or none."""
    if predict in ("every_step", "forecast"):
        raise UserError(
            f"task.predict={predict} is not possible with {where}, which has one label for a"
            " sequence"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror or error}") from error
    found = read(content, where)
    if predict != WITHOUT and not all(found.labels):
        raise UserError(f"{where} has no labels, which task.predict={predict} needs")
    return found, hashlib.sha256(content).hexdigest()


def _wanted(config: CorpusConfig, labelled: bool) -> dict[str, str]:
    """Returns the columns by the keys that ask for them, each column once."""
    keys = {f"corpus.channels[{i}]": name for i, name in enumerate(config.channels)}
    keys |= {"corpus.label_column": config.label_column} if labelled else {}
    for key in ("series_column", "time_column", "group"):
        if (name := getattr(config, key)) is not None:
            keys[f"corpus.{key}"] = name
    columns = {name: key for key, name in reversed(keys.items())}
    return {key: name for name, key in reversed(columns.items())}


def _recordings(columns: Columns, config: CorpusConfig, predict: str, where: str) -> Recordings:
    """Puts the rows of a table together to sequences, in the order in which these begin."""
    if not next(iter(columns.values.values())):
        raise UserError(f"{where} has no rows")
    values = np.stack(
        [
            _numbers(columns, name, f"corpus.channels[{i}]={name}", where)
            for i, name in enumerate(config.channels)
        ],
        axis=1,
    )
    names, rows = _rows_of_sequences(columns, config, where, len(values))
    return Recordings(
        values=[values[each] for each in rows],
        labels=[_labels(columns, config, predict, each, where) for each in rows],
        groups=None
        if config.group is None
        else [_only(columns, "corpus.group", config.group, each, where) for each in rows],
        names=names,
        channels=tuple(config.channels),
        where=where,
        times=None
        if config.time_column is None
        else _times_of_sequences(columns, config.time_column, rows, names, where),
    )


def _numbers(columns: Columns, name: str, key: str, where: str) -> Float[np.ndarray, " rows"]:
    """Returns the values of a column; what is missing is not a number."""
    written = ["nan" if _is_missing(text) else text for text in columns.values[name]]
    try:
        numbers = np.array(written, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array([_number(text) for text in written])
    missing = np.array([text == "nan" for text in written])
    wrong = np.flatnonzero(~np.isfinite(numbers) & ~missing)
    if len(wrong):
        row = int(wrong[0])
        raise UserError(
            f"{key} must be numbers, with a point before decimals: {columns.place(row)} of {where}"
            f" has {written[row]!r}"
        )
    return numbers


def _is_missing(text: str | None) -> bool:
    return text is None or text.strip() in MISSING


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return float("nan")


def _rows_of_sequences(
    columns: Columns, config: CorpusConfig, where: str, rows: int
) -> tuple[list[str], list[Int[np.ndarray, " _"]]]:
    """Returns the name of each sequence and its rows, in the order of the file."""
    if config.series_column is None:
        return [where], [np.arange(rows)]
    told = columns.values[config.series_column]
    empty = [row for row, text in enumerate(told) if text is None or not text.strip()]
    if empty:
        raise UserError(
            f"{where} has rows with no corpus.series_column={config.series_column}"
            f" ({some([columns.place(row) for row in empty])}): each must tell its sequence"
        )
    codes, names = pd.factorize(np.array(told, dtype=object))
    order = np.argsort(codes, kind="stable")
    return [str(name) for name in names], np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _times_of_sequences(
    columns: Columns,
    name: str,
    rows: Sequence[Int[np.ndarray, " _"]],
    names: Sequence[str],
    where: str,
) -> list[Float[np.ndarray, " _"]]:
    """Returns the times of each sequence; raises `UserError` unless they rise from row to row."""
    key = f"corpus.time_column={name}"
    written = columns.values[name]
    times = _times(written)
    unknown = np.flatnonzero(np.isnan(times))
    if len(unknown):
        row = int(unknown[0])
        raise UserError(
            f"{key} must be numbers or dates, such as 2026-01-31 12:00: {columns.place(row)} of"
            f" {where} has {written[row]!r}"
        )
    for sequence, each in zip(names, rows, strict=True):
        wrong = np.flatnonzero(np.diff(times[each]) <= 0)
        if len(wrong):
            before, after = int(each[wrong[0]]), int(each[wrong[0] + 1])
            fault = "repeats" if times[before] == times[after] else "is earlier than"
            raise UserError(
                f"{key} must rise within a sequence: in sequence {sequence}, {columns.place(after)}"
                f" ({written[after]}) {fault} {columns.place(before)} ({written[before]}); sort"
                " the rows by time, and keep one of each"
            )
    return [times[each] for each in rows]


def _times(written: Sequence[str | None]) -> Float[np.ndarray, " rows"]:
    """Returns times as numbers: those that are written, or the seconds of dates if most are none.

    What is neither is not a number.
    """
    numbers = np.array([_number(text) for text in written])
    if 2 * np.isfinite(numbers).sum() >= len(numbers):
        return numbers
    texts = pd.Series(written, dtype="str")
    with warnings.catch_warnings():
        # What is no date comes out as none, however it is looked at.
        warnings.simplefilter("ignore", UserWarning)
        try:
            dates = pd.to_datetime(texts, utc=True)
        except (ValueError, OverflowError):
            dates = pd.to_datetime(texts, utc=True, format="mixed", errors="coerce")
    seconds = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return np.asarray(seconds, np.float64)


def _labels(
    columns: Columns,
    config: CorpusConfig,
    predict: str,
    rows: Int[np.ndarray, " time"],
    where: str,
) -> list[str]:
    """Returns the labels of one sequence: none, one, or one a step."""
    if predict in (WITHOUT, "forecast"):
        return []
    key = "corpus.label_column"
    if predict != "every_step":
        return [_only(columns, key, config.label_column, rows, where)]
    written = columns.values[config.label_column]
    for row in rows:
        if not (written[row] or "").strip():
            raise UserError(
                f"{where} has no {key}={config.label_column} in {columns.place(int(row))}: every"
                " step needs one with task.predict=every_step"
            )
    return [str(written[row]).strip() for row in rows]


def _only(columns: Columns, key: str, name: str, rows: Int[np.ndarray, " time"], where: str) -> str:
    """Returns the value that all rows of a sequence have, where they have one."""
    written = columns.values[name]
    given: dict[str, int] = {}
    for row in rows:
        text = written[row]
        if text is not None and text.strip():
            given.setdefault(text.strip(), int(row))
    first = columns.place(int(rows[0]))
    if not given:
        raise UserError(
            f"{where} has no {key}={name} for the sequence that begins in {first}: fill it in"
        )
    if len(given) > 1:
        one, other, *_ = given
        advice = (
            "; task.predict=every_step reads one a step" if key.endswith("label_column") else ""
        )
        raise UserError(
            f"{key}={name} must be one for a sequence: that which begins in {first} of {where} has"
            f" {one} and, in {columns.place(given[other])}, {other}{advice}"
        )
    return next(iter(given))
