"""Series of measured values: a class, a value, a class at every step, or a forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.preprocessing import Preprocessing, SeriesPreprocessing
from gru_bench.config.tasks import Readout
from gru_bench.config.tasks.series import SeriesConfig
from gru_bench.system.errors import UserError
from gru_bench.tasks.base import SPLITS, Task
from gru_bench.tasks.classes import Labels, class_names
from gru_bench.tasks.classification import (
    Classification,
    Labelling,
    scored_against_commonest,
    weights_of,
)
from gru_bench.tasks.corpus_sources import Note
from gru_bench.tasks.fixed_data import pad, split_sizes
from gru_bench.tasks.forecasting import make_forecasting
from gru_bench.tasks.recordings import Recordings
from gru_bench.tasks.regression import Regression, scored_against_best
from gru_bench.tasks.series_corpora import SeriesCorpus, load_series
from gru_bench.tasks.standardisation import fit_standardisation, standardise, to_inputs, with_mask


def load_data(
    config: SeriesConfig, corpus: CorpusConfig, note: Note, contents: Mapping[str, str]
) -> SeriesCorpus:
    """Loads the sequences with the labels that the task is about; see `load_series`."""
    return load_series(corpus, config, note, contents)


def make_task(
    config: SeriesConfig, corpus: SeriesCorpus, batch_size: int, note: Note = lambda line: None
) -> Task:
    """Turns recordings into a task on the device, standardised with the statistics of training.

    Args:
        config: What is said of a sequence.
        corpus: The recordings.
        batch_size: Sequences a batch.
        note: Takes a line on classes that are not tested, and on steps that are left out.

    Raises:
        UserError: A split is too small, or labels are not what they should be.
    """
    series = preprocessing(config, corpus)
    if config.predict == "forecast":
        return make_forecasting(config, corpus, series, batch_size, note)
    splits = [corpus.splits[split] for split in SPLITS]
    sizes = split_sizes([len(each) for each in splits], batch_size, "sequences")
    inputs, lengths = pad([to_inputs(values, series) for each in splits for values in each.values])
    shared: dict[str, Any] = {
        "inputs": jnp.asarray(inputs),
        "lengths": jnp.asarray(lengths),
        "sizes": sizes,
        "input_size": inputs.shape[-1],
        "batch_size": batch_size,
        "readout": cast(Readout, config.readout),
    }
    if config.predict == "value":
        return _regression(splits, series, shared)
    what = "step" if config.predict == "every_step" else "sequence"
    names, labels = class_labels(splits, what, note)
    train, _, test = (np.concatenate(each) for each in labels)
    shared |= {
        "output_size": len(names),
        "score": scored_against_commonest(config.score, train, test),
        "class_weights": weights_of(config.class_weights, train, len(names)),
        "preprocessing": Preprocessing(series=series, class_names=names),
    }
    each_label = [of_sequence for of_split in labels for of_sequence in of_split]
    if config.predict == "class":
        return Classification(targets=jnp.asarray(np.concatenate(each_label)), **shared)
    targets = np.zeros(inputs.shape[:2], np.int32)
    for row, of_steps in zip(targets, each_label, strict=True):
        row[: len(of_steps)] = of_steps
    return Labelling(targets=jnp.asarray(targets), **shared | {"readout": "every"})


def preprocessing(config: SeriesConfig, corpus: SeriesCorpus) -> SeriesPreprocessing:
    """Returns how values become inputs, by the statistics of the training sequences."""
    train = corpus.splits["train"]
    inputs = fit_standardisation(train.values)
    return SeriesPreprocessing(
        channels=train.channels,
        missing=corpus.missing,
        inputs=with_mask(inputs) if corpus.missing == "mask" else inputs,
        predicts=config.predict,
    )


def class_labels(
    splits: Sequence[Recordings], what: str, note: Note
) -> tuple[tuple[str, ...], list[list[Int[np.ndarray, " _"]]]]:
    """Returns the names of the classes in training, and the classes of each split's sequences.

    Args:
        splits: Training, validation and test.
        what: What has a label, in the singular.
        note: Takes a line on the classes that validation or test lack.

    Raises:
        UserError: There are fewer than two classes, or one that training lacks.
    """
    names = class_names(
        {
            split: Labels([label for labels in each.labels for label in labels], each.where)
            for split, each in zip(SPLITS, splits, strict=True)
        },
        what,
        note,
    )
    places = {name: place for place, name in enumerate(names)}
    return names, [
        [np.array([places[label] for label in labels], np.int32) for labels in each.labels]
        for each in splits
    ]


def _regression(
    splits: Sequence[Recordings], series: SeriesPreprocessing, shared: dict[str, Any]
) -> Regression:
    """Returns the task of predicting a value, whose baseline is always the same one.

    Raises:
        UserError: A label is no number, or those of training are all the same.
    """
    values = [_values(each) for each in splits]
    train, _, test = values
    median_error = np.abs(train - np.median(train)).mean()
    if not median_error > 0:
        raise UserError(
            f"{splits[0].where} has the value {train[0, 0]:g} in every sequence: there is nothing"
            " to predict"
        )
    outputs = fit_standardisation([train])
    return Regression(
        targets=jnp.asarray(standardise(np.concatenate(values), outputs), jnp.float32),
        unit=jnp.asarray(outputs.deviations, jnp.float32),
        naive_error=jnp.asarray([median_error], jnp.float32),
        score=scored_against_best(
            "scaled_mae",
            {
                f"always the {name} of training": np.abs(test - constant).mean() / median_error
                for name, constant in (("mean", train.mean()), ("median", np.median(train)))
            },
        ),
        output_size=1,
        preprocessing=Preprocessing(series=replace(series, outputs=outputs)),
        **shared,
    )


def _values(recordings: Recordings) -> Float[np.ndarray, "examples 1"]:
    """Returns the labels as numbers."""
    numbers = []
    for (label,), name in zip(recordings.labels, recordings.names, strict=True):
        try:
            number = float(label)
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            raise UserError(
                f"{recordings.where} has the label {label!r} in sequence {name}: with"
                " task.predict=value labels must be numbers, with a point before decimals"
            )
        numbers.append([number])
    return np.array(numbers)
